/** `token`: registration tokens, which let a new agent enrol. A secret is shown once, when it is made. */
import type { RegistrationToken } from '@flotilla/client/types';
import type { Command } from 'commander';
import { collect, durationMs, pairs, positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { age, fields, labelsText, statusColor, table } from '../table.ts';
import { collectPages, type ListOptions } from './list.ts';

export interface TokenOptions {
  cluster?: string;
  label: string[];
  uses?: number;
  expires?: number;
  cidr: string[];
  requireApproval?: boolean;
}

export function registerToken(program: Command, io: Io): void {
  const token = program.command('token').description('registration tokens for new agents');
  withTokenOptions(token.command('create').description('make a token; its secret is shown this once')).action(
    withSession(io, createToken),
  );
  token
    .command('list')
    .description('tokens without their secrets')
    .option('--limit <n>', 'at most so many', positiveInteger)
    .action(withSession(io, listTokens));
  token
    .command('revoke <id>')
    .description('no agent can enrol with it any more')
    .action(withSession(io, revokeToken));
}

export function withTokenOptions(command: Command): Command {
  return command
    .option('--cluster <name>', 'the name that the cluster gets')
    .option('--label <key=value>', 'authoritative label of the cluster; repeatable', collect, [])
    .option('--uses <n>', 'how many clusters may enrol with it (default 1)', positiveInteger)
    .option('--expires <duration>', 'e.g. 30m, 24h (default 1h)', durationMs)
    .option('--cidr <range>', 'only from these addresses; repeatable', collect, [])
    .option('--require-approval', 'a person approves each cluster that enrols with it');
}

export function newToken(session: Session, options: TokenOptions) {
  return session.client.registrationTokens.create({
    labels: pairs(options.label),
    cidrs: options.cidr,
    ...(session.project === undefined ? {} : { project: session.project }),
    ...(options.cluster === undefined ? {} : { clusterName: options.cluster }),
    ...(options.uses === undefined ? {} : { maxUses: options.uses }),
    ...(options.expires === undefined ? {} : { expiresInMs: options.expires }),
    ...(options.requireApproval ? { requireApproval: true } : {}),
  });
}

async function createToken(session: Session, options: TokenOptions): Promise<void> {
  const created = await newToken(session, options);
  session.print(created, () =>
    fields([
      ['Token', created.token],
      ['CA SHA-256', created.caSha256],
      ['Id', created.id],
      ['Expires', created.expiresAt],
    ]),
  );
}

async function listTokens({ client, colors, io, print }: Session, options: ListOptions): Promise<void> {
  const page = await collectPages<RegistrationToken>(
    (query) => client.registrationTokens.list(query),
    options,
  );
  const columns = [
    { title: 'ID', value: (row: RegistrationToken) => row.id },
    { title: 'STATE', value: (row: RegistrationToken) => statusColor(colors, stateOf(row, io.now())) },
    { title: 'CLUSTER', value: (row: RegistrationToken) => row.clusterName ?? '-' },
    { title: 'LABELS', value: (row: RegistrationToken) => labelsText(row.labels) },
    { title: 'USES', value: (row: RegistrationToken) => `${row.uses}/${row.maxUses}` },
    { title: 'AGE', value: (row: RegistrationToken) => age(row.createdAt, io.now()) },
    { title: 'BY', value: (row: RegistrationToken) => row.createdBy },
  ];
  print(page, () => table(columns, page.items, 'no tokens'));
}

function stateOf(token: RegistrationToken, now: Date): string {
  if (token.revokedAt !== null) return 'Revoked';
  if (token.uses >= token.maxUses) return 'Used';
  return Date.parse(token.expiresAt) <= now.getTime() ? 'Expired' : 'Active';
}

async function revokeToken({ client, say }: Session, id: string): Promise<void> {
  await client.registrationTokens.revoke(id);
  say(`token ${id} is revoked`);
}
