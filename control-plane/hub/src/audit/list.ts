/** One page of audit events as callers see them. */
import type { Database } from '../platform/prisma.ts';
import { decodeCursor, pageOf, type Page } from '../http/pages.ts';
import type { AuditEventResource } from './audit.schemas.ts';
import { listEvents, type EventFilter, type ListedEvent } from './audit.store.ts';

/** Filters as they come in a query. */
export interface AuditQuery extends Omit<EventFilter, 'from' | 'to' | 'actorId'> {
  actor?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export async function listAudit(
  database: Database,
  query: AuditQuery & { limit: number; cursor?: string | undefined },
): Promise<Page<AuditEventResource>> {
  const cursor = decodeCursor(query.cursor, 2);
  const rows = await listEvents(database, filterOf(query), cursor, query.limit);
  return pageOf(rows, query.limit, ({ at, id }) => [at, id], resourceOf);
}

export function filterOf({ actor, from, to, ...rest }: AuditQuery): EventFilter {
  return {
    ...rest,
    actorId: actor,
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
  };
}

export function resourceOf(event: ListedEvent): AuditEventResource {
  return {
    id: event.id,
    seq: event.seq === null ? null : Number(event.seq),
    at: event.at,
    actor: { kind: event.actorKind, id: event.actorId, authMethod: event.authMethod, ip: event.ip },
    action: event.action,
    resource: { kind: event.resourceKind, id: event.resourceId, name: event.resourceName },
    projectId: event.projectId,
    changes: event.changes as unknown[],
    reason: event.reason as Record<string, unknown>,
    correlationId: event.correlationId,
    outcome: event.outcome,
  };
}
