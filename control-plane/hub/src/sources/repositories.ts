/** What people do to repositories. Each write is one transaction with its audit event; a poll is asked for by a row. */
import { randomUUID } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { requireVersion } from '../http/etag.ts';
import { decodeCursor, pageOf, type Page } from '../http/pages.ts';
import type { Caller } from '../http/principal.ts';
import { conflict, notFound, unprocessable } from '../http/problem.ts';
import { HubConfig } from '../platform/config.ts';
import { Envelope } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions, type Sql } from '../platform/transaction.ts';
import { sealCredential, sealWebhookSecret } from './credential.ts';
import * as store from './repositories.store.ts';
import type {
  NewRepository,
  RepositoryList,
  RepositoryPatch,
  RepositoryResource,
} from './repository.schema.ts';
import { checkRepositoryUrl } from './url.ts';

export interface RepositoryRef {
  nameOrId: string;
  project: string | undefined;
}

const defaultProject = 'default';

@Injectable()
export class Repositories {
  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
    private readonly envelope: Envelope,
    private readonly config: HubConfig,
  ) {}

  async list({ limit, cursor, project }: RepositoryList): Promise<Page<RepositoryResource>> {
    const after = decodeCursor(cursor, 2);
    const rows = await store.listRepositories(this.database, {
      project: project ?? null,
      after,
      limit: limit + 1,
    });
    return pageOf(rows, limit, (row) => [row.name, row.id], store.repositoryResourceOf);
  }

  async get(ref: RepositoryRef): Promise<RepositoryResource> {
    const sql = <T>(text: string, params?: unknown[]) => this.database.query<T>(text, params);
    return store.repositoryResourceOf(await find({ sql }, ref));
  }

  create(caller: Caller, request: NewRepository): Promise<RepositoryResource> {
    this.checkUrl(request.url);
    const id = randomUUID();
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const projectId = await store.findProjectId(tx, request.project);
        if (projectId === null) throw notFound('project');
        const { name, url, pollIntervalMs } = request;
        const row = { id, projectId, name, url, pollIntervalMs, ...this.sealed(id, request) };
        const isNew = await store.insertRepository(tx, { credential: null, webhookSecret: null, ...row });
        if (!isNew) throw conflict(`there is a repository "${name}" in this project already`);
        const created = await find(tx, { nameOrId: id, project: undefined });
        tx.audit({ action: 'repository.create', ...auditOf(created), after: shown(created) });
        tx.hint('repository', id);
        return store.repositoryResourceOf(created);
      },
      caller,
    );
  }

  patch(
    caller: Caller,
    ref: RepositoryRef,
    version: number | null,
    patch: RepositoryPatch,
  ): Promise<RepositoryResource> {
    if (patch.url !== undefined) this.checkUrl(patch.url);
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await find(tx, ref, 'locked');
        requireVersion(version, row.version);
        const { url = row.url, pollIntervalMs = row.pollIntervalMs } = patch;
        // A credential belongs to the address it was given for.
        if (
          new URL(url).origin !== new URL(row.url).origin &&
          row.credential !== null &&
          patch.credential === undefined
        ) {
          throw unprocessable('another host needs its credential again: give it, or null');
        }
        const { credential, webhookSecret } = row;
        const sealed = this.sealed(row.id, patch);
        await store.updateRepository(tx, row.id, {
          credential,
          webhookSecret,
          ...sealed,
          url,
          pollIntervalMs,
        });
        const changed = await find(tx, { nameOrId: row.id, project: undefined });
        const secrets = Object.keys(patch).filter((key) => key === 'credential' || key === 'webhookSecret');
        tx.audit({
          action: 'repository.update',
          ...auditOf(row),
          before: shown(row),
          after: shown(changed),
          reason: { replaced: secrets },
        });
        tx.hint('repository', row.id);
        return store.repositoryResourceOf(changed);
      },
      caller,
    );
  }

  remove(caller: Caller, ref: RepositoryRef): Promise<void> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await find(tx, ref, 'locked');
        const users = await store.usersOf(tx, row.id);
        if (users.length > 0) throw conflict(`repository "${row.name}" is used by ${users.join(', ')}`);
        await store.deleteRepository(tx, row.id);
        tx.audit({ action: 'repository.delete', ...auditOf(row), before: shown(row) });
        tx.hint('repository', row.id);
      },
      caller,
    );
  }

  refresh(caller: Caller, ref: RepositoryRef): Promise<RepositoryResource> {
    return this.transactions.inTransaction(
      caller.actor,
      async (tx) => {
        const row = await find(tx, ref, 'locked');
        await store.requestPoll(tx, row.id);
        for (const id of await store.retryFailed(tx, row.id)) tx.hint('source', id);
        tx.audit({ action: 'repository.refresh', ...auditOf(row) });
        tx.hint('repository', row.id);
        return store.repositoryResourceOf(row);
      },
      caller,
    );
  }

  private checkUrl(url: string): void {
    const verdict = checkRepositoryUrl(url, this.config.sourcesAllow);
    if (!verdict.ok) throw unprocessable(verdict.reason, [{ path: 'url', message: verdict.reason }]);
  }

  /** Fields that are given: sealed, or null to remove. */
  private sealed(id: string, given: Pick<RepositoryPatch, 'credential' | 'webhookSecret'>) {
    const { credential, webhookSecret } = given;
    return {
      keyVersion: this.envelope.keyVersion,
      ...(credential !== undefined && {
        credential: credential === null ? null : sealCredential(this.envelope, id, credential),
      }),
      ...(webhookSecret !== undefined && {
        webhookSecret: webhookSecret === null ? null : sealWebhookSecret(this.envelope, id, webhookSecret),
      }),
    };
  }
}

async function find(
  db: Sql,
  ref: RepositoryRef,
  lock: 'locked' | 'unlocked' = 'unlocked',
): Promise<store.RepositoryRow> {
  const row = await store.findRepository(
    db,
    { nameOrId: ref.nameOrId, project: ref.project ?? defaultProject },
    lock,
  );
  if (row === null) throw notFound('repository');
  return row;
}

function auditOf(row: store.RepositoryRow) {
  return { resource: { kind: 'repository', id: row.id, name: row.name }, projectId: row.projectId };
}

/** What an audit event may hold. */
function shown({ url, pollIntervalMs, credential, webhookSecret }: store.RepositoryRow) {
  return {
    url,
    pollIntervalMs,
    hasCredential: credential !== null,
    hasWebhookSecret: webhookSecret !== null,
  };
}
