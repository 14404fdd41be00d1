/** Registration tokens: made, listed, revoked. The secret is shown once and kept as a peppered hash. */
import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { decodeCursor, pageOf, type Page } from '../http/pages.ts';
import type { Caller } from '../http/principal.ts';
import { notFound } from '../http/problem.ts';
import { mintToken } from '../platform/bearerToken.ts';
import { Envelope } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions } from '../platform/transaction.ts';
import { outsideTransaction } from './authority.store.ts';
import { Authority } from './authority.ts';
import type { createdTokenResource, createTokenBody, tokenQuery, tokenResource } from './clusters.schemas.ts';
import { visibleProject } from './scope.ts';
import {
  insertToken,
  listTokens,
  readToken,
  revokeToken,
  findProject,
  type TokenRow,
} from './tokens.store.ts';

type TokenResource = z.infer<typeof tokenResource>;

@Injectable()
export class RegistrationTokens {
  constructor(
    private readonly authority: Authority,
    private readonly database: Database,
    private readonly envelope: Envelope,
    private readonly transactions: Transactions,
  ) {}

  async create(
    caller: Caller,
    body: z.infer<typeof createTokenBody>,
  ): Promise<z.infer<typeof createdTokenResource>> {
    const { id, secret, text } = mintToken('reg');
    const row = await this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const project = visibleProject(caller.principal, await findProject(tx, body.project));
        const { clusterName = null, project: _, ...rest } = body;
        const secretHash = this.envelope.tokenHash(secret);
        await insertToken(tx, {
          ...rest,
          id,
          secretHash,
          clusterName,
          projectId: project.id,
          createdBy: caller.actor.id,
        });
        const inserted = await readToken(tx, id);
        if (!inserted) throw new Error('the token was not inserted');
        const resource = { kind: 'registration-token', id, name: clusterName ?? id };
        tx.audit({
          action: 'registration-token.create',
          resource,
          projectId: project.id,
          after: resourceOf(inserted),
        });
        return inserted;
      },
      caller,
    );
    return { ...resourceOf(row), token: text, caSha256: this.authority.caSha256 };
  }

  async list(caller: Caller, query: z.infer<typeof tokenQuery>): Promise<Page<TokenResource>> {
    const source = outsideTransaction(this.database);
    const asked =
      query.project === undefined
        ? null
        : visibleProject(caller.principal, await findProject(source, query.project));
    const projectId = asked?.id ?? caller.principal.projectId;
    const cursor = decodeCursor(query.cursor, 2);
    const rows = await listTokens(this.database, { projectId, cursor, limit: query.limit });
    return pageOf(rows, query.limit, ({ createdAt, id }) => [createdAt.toISOString(), id], resourceOf);
  }

  async revoke(caller: Caller, id: string): Promise<void> {
    await this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const token = await readToken(tx, id);
        if (!token || !caller.principal.may('registration-token:revoke', token.projectId))
          throw notFound('registration token');
        if (token.revokedAt !== null) return tx.nothingChanged(undefined);
        await revokeToken(tx, id);
        const resource = { kind: 'registration-token', id, name: token.clusterName ?? id };
        tx.audit({ action: 'registration-token.revoke', resource, projectId: token.projectId });
      },
      caller,
    );
  }
}

function resourceOf(row: TokenRow): TokenResource {
  const { secretHash: _, projectId: __, expiresAt, revokedAt, createdAt, ...rest } = row;
  return {
    ...rest,
    expiresAt: expiresAt.toISOString(),
    revokedAt: revokedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
