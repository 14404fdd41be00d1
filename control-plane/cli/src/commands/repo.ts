/** `repo`: the Git repositories that applications take their manifests from. */
import { readFile } from 'node:fs/promises';
import type { NewRepository } from '@flotilla/client/client';
import type { Repository, RepositoryRef } from '@flotilla/client/types';
import type { Command } from 'commander';
import { CommandError, exitCodes } from '../exit.ts';
import { durationMs, positiveInteger } from '../parse.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { age, fields, short, table } from '../table.ts';
import { collectPages, type ListOptions } from './list.ts';

interface AddOptions {
  username?: string;
  passwordFile?: string;
  tokenFile?: string;
  webhookSecretFile?: string;
  poll?: number;
}

export function registerRepo(program: Command, io: Io): void {
  const repo = program.command('repo').description('Git repositories');
  repo
    .command('add <name> <url>')
    .description('connect a repository by http(s)')
    .option('--username <name>', 'for basic authentication, with --password-file')
    .option('--password-file <file>', 'password or personal access token of --username')
    .option('--token-file <file>', 'bearer token, without a user name')
    .option('--webhook-secret-file <file>', 'shared secret that signs the webhooks of this repository')
    .option('--poll <duration>', 'how often to look without a webhook (default 1m)', durationMs)
    .action(withSession(io, addRepository));
  repo
    .command('list')
    .description('repositories and when they were last read')
    .option('--limit <n>', 'at most so many', positiveInteger)
    .action(withSession(io, listRepositories));
  repo
    .command('get <name>')
    .description('one repository, and where the branches are that applications follow')
    .action(withSession(io, getRepository));
}

async function addRepository(
  session: Session,
  name: string,
  url: string,
  options: AddOptions,
): Promise<void> {
  const body: NewRepository = { name, url };
  if (session.project !== undefined) body.project = session.project;
  if (options.poll !== undefined) body.pollIntervalMs = options.poll;
  const credential = await credentialOf(options);
  if (credential) body.credential = credential;
  if (options.webhookSecretFile) body.webhookSecret = await secretIn(options.webhookSecretFile);
  const created = await session.client.repositories.create(body);
  session.print(created, () => `repository ${created.name} added`);
}

async function credentialOf(options: AddOptions): Promise<NewRepository['credential'] | null> {
  if (options.tokenFile) return { token: await secretIn(options.tokenFile) };
  if (!options.username && !options.passwordFile) return null;
  if (!options.username || !options.passwordFile) {
    throw new CommandError(exitCodes.usage, '--username and --password-file belong together');
  }
  return { username: options.username, password: await secretIn(options.passwordFile) };
}

async function secretIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
}

async function listRepositories({ client, colors, io, print }: Session, options: ListOptions): Promise<void> {
  const page = await collectPages<Repository>((query) => client.repositories.list(query), options);
  const columns = [
    { title: 'NAME', value: (row: Repository) => row.name },
    { title: 'PROJECT', value: (row: Repository) => row.project },
    { title: 'URL', value: (row: Repository) => row.url },
    { title: 'READ', value: (row: Repository) => age(row.polledAt, io.now()) },
    { title: 'NOTE', value: (row: Repository) => colors.red(problemsOf(row)) },
  ];
  print(page, () => table(columns, page.items, 'no repositories; add one: flotilla repo add <name> <url>'));
}

/** Of the repository, else of the refs that applications follow; a force-push is no error, and to be seen all the same. */
function problemsOf({ error, refs }: Repository): string {
  return error ?? refs.flatMap((ref) => ref.error ?? rewriteOf(ref) ?? []).join('; ');
}

function rewriteOf({ ref, rewritten }: RepositoryRef): string | null {
  if (rewritten === null) return null;
  return `${nameOf(ref)} was rewritten from ${rewritten.from.slice(0, 12)} to ${rewritten.to.slice(0, 12)}`;
}

function nameOf(ref: string): string {
  if (ref.startsWith('refs/heads/')) return `branch '${ref.slice(11)}'`;
  if (ref.startsWith('refs/tags/')) return `tag '${ref.slice(10)}'`;
  return ref;
}

async function getRepository(session: Session, name: string): Promise<void> {
  const { client, colors, io, print } = session;
  const query = session.project === undefined ? {} : { project: session.project };
  const repository = await client.repositories.get(name, query);
  const columns = [
    { title: 'REF', value: (row: RepositoryRef) => nameOf(row.ref) },
    { title: 'COMMIT', value: (row: RepositoryRef) => short(row.commit ?? undefined) },
    { title: 'SEEN', value: (row: RepositoryRef) => age(row.seenAt, io.now()) },
    { title: 'NOTE', value: (row: RepositoryRef) => colors.red(row.error ?? rewriteOf(row) ?? '') },
  ];
  const refs = () => table(columns, repository.refs, 'no application follows a branch of it');
  print(repository, () => `${describe(session, repository)}\n\n${refs()}`);
}

function describe({ colors, io }: Session, repository: Repository): string {
  const { name, project, url, hasCredential, hasWebhookSecret, polledAt, error } = repository;
  return fields([
    ['Name', name],
    ['Project', project],
    ['URL', url],
    ['Credential', hasCredential ? 'yes' : 'none'],
    ['Webhook', hasWebhookSecret ? 'signed' : 'none'],
    ['Read', `${age(polledAt, io.now())} ago`],
    ...(error === null ? [] : [['Error', colors.red(error)] as const]),
  ]);
}
