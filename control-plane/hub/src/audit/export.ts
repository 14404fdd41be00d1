/** All matching events as text, page by page, so that an export of any size needs one page of memory. */
import type { Database } from '../platform/prisma.ts';
import type { AuditEventResource } from './audit.schemas.ts';
import { listEvents } from './audit.store.ts';
import { filterOf, resourceOf, type AuditQuery } from './list.ts';

const pageRows = 1000;
const columns =
  'seq,id,at,actorKind,actorId,authMethod,ip,action,resourceKind,resourceId,resourceName,outcome,changes';

export async function* exportEvents(
  database: Database,
  { format, ...query }: AuditQuery & { format: 'jsonl' | 'csv' },
): AsyncGenerator<string> {
  if (format === 'csv') yield `${columns}\n`;
  const toLine = format === 'csv' ? csvLine : (event: AuditEventResource) => JSON.stringify(event);
  let cursor: string[] | null = null;
  for (;;) {
    const rows = await listEvents(database, filterOf(query), cursor, pageRows);
    const page = rows.slice(0, pageRows);
    yield page.map((row) => `${toLine(resourceOf(row))}\n`).join('');
    const last = page.at(-1);
    if (rows.length <= pageRows || !last) return;
    cursor = [last.at, last.id];
  }
}

function csvLine({ seq, id, at, actor, action, resource, outcome, changes }: AuditEventResource): string {
  const who = [actor.kind, actor.id, actor.authMethod, actor.ip ?? ''];
  const what = [action, resource.kind, resource.id, resource.name, outcome, JSON.stringify(changes)];
  return [seq === null ? '' : String(seq), id, at, ...who, ...what].map(csvField).join(',');
}

/** Quoted, and never read as a formula by a spreadsheet. */
function csvField(value: string): string {
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
