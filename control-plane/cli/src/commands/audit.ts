/** `audit`: who did what, and whether the record of it was tampered with. */
import type { AuditEvent } from '@flotilla/client/types';
import type { Command } from 'commander';
import { exitCodes, type ExitCode } from '../exit.ts';
import { positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { statusColor, table } from '../table.ts';
import { collectPages } from './list.ts';

interface AuditListOptions {
  limit: number;
  actor?: string;
  action?: string;
  resource?: string;
  since?: string;
  until?: string;
}

export function registerAudit(program: Command, io: Io, end: (code: ExitCode) => void): void {
  const audit = program.command('audit').description('the audit trail');
  audit
    .command('list')
    .description('events, newest first')
    .option('--limit <n>', 'at most so many', positiveInteger, 50)
    .option('--actor <id>', 'done by')
    .option('--action <action>', 'e.g. application.create')
    .option('--resource <id>', 'id of the resource')
    .option('--since <time>', 'RFC 3339')
    .option('--until <time>', 'RFC 3339')
    .action(withSession(io, listEvents));
  audit
    .command('verify')
    .description('verify the chain; exit 0 good, 2 tampered, 3 incomplete')
    .action(withSession(io, (session) => verify(session, end)));
}

async function listEvents({ client, colors, print }: Session, options: AuditListOptions): Promise<void> {
  const { limit, resource, since, until, ...filters } = options;
  const query = { ...filters, resourceId: resource, from: since, to: until };
  const page = await collectPages<AuditEvent>((paging) => client.audit.list(paging), { limit }, query);
  const columns = [
    { title: 'SEQ', value: (row: AuditEvent) => (row.seq === null ? '-' : String(row.seq)) },
    { title: 'AT', value: (row: AuditEvent) => row.at },
    { title: 'ACTOR', value: (row: AuditEvent) => `${row.actor.kind}:${row.actor.id}` },
    { title: 'ACTION', value: (row: AuditEvent) => row.action },
    { title: 'RESOURCE', value: (row: AuditEvent) => `${row.resource.kind}/${row.resource.name}` },
    {
      title: 'OUTCOME',
      value: (row: AuditEvent) => (row.outcome === 'success' ? row.outcome : colors.red(row.outcome)),
    },
    { title: 'WHY', value: refusedText },
  ];
  print(page, () => table(columns, page.items, 'no events'));
}

/** Of what was denied, where the record says it. */
function refusedText({ reason }: AuditEvent): string {
  const refused = reason?.['refused'];
  return typeof refused === 'string' ? refused : '';
}

async function verify(
  { client, colors, print, progress }: Session,
  end: (code: ExitCode) => void,
): Promise<void> {
  const verification = await progress('verifying the audit chain', () => client.audit.verify());
  print(verification, () => `${statusColor(colors, verification.result)}: ${verification.message}`);
  if (verification.result === 'Tampered') end(exitCodes.no);
  if (verification.result === 'Incomplete') end(exitCodes.unknown);
}
