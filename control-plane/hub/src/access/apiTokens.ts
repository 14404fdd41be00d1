/** API tokens: made, listed and revoked. The text of a token leaves the hub once, in the answer that made it. */
import { Injectable } from '@nestjs/common';
import { decodeCursor, pageOf, type Page, type PageQuery } from '../http/pages.ts';
import type { Caller } from '../http/principal.ts';
import { notFound } from '../http/problem.ts';
import { mintToken } from '../platform/bearerToken.ts';
import { Envelope } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions } from '../platform/transaction.ts';
import type { ApiToken, CreatedApiToken, NewApiToken } from './access.schema.ts';
import { insertToken, listTokens, revokeToken, type ApiTokenRow } from './apiTokens.store.ts';

@Injectable()
export class ApiTokens {
  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
    private readonly envelope: Envelope,
  ) {}

  async list({ limit, cursor }: PageQuery): Promise<Page<ApiToken>> {
    const after = decodeCursor(cursor, 1)?.[0] ?? null;
    const rows = await listTokens(this.database, after, limit + 1);
    return pageOf(rows, limit, (row) => [row.id], resourceOf);
  }

  create(caller: Caller, request: NewApiToken): Promise<CreatedApiToken> {
    const { id, secret, text } = mintToken('api');
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await insertToken(tx, {
          id,
          name: request.name,
          role: request.role,
          secretHash: this.envelope.tokenHash(secret),
          createdBy: caller.principal.name,
          expiresInMs: request.expiresInMs ?? null,
        });
        const resource = { kind: 'api-token', id, name: request.name };
        tx.audit({ action: 'api-token.create', resource, after: resourceOf(row) });
        return { ...resourceOf(row), token: text };
      },
      caller,
    );
  }

  async revoke(caller: Caller, id: string): Promise<void> {
    await this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await revokeToken(tx, id);
        if (!row) throw notFound('API token');
        const after = resourceOf(row);
        const before = { ...after, revokedAt: null };
        tx.audit({
          action: 'api-token.revoke',
          resource: { kind: 'api-token', id, name: row.name },
          before,
          after,
        });
      },
      caller,
    );
  }
}

function resourceOf(row: ApiTokenRow): ApiToken {
  return {
    id: row.id,
    name: row.name,
    role: row.role as ApiToken['role'],
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
