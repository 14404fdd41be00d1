/** `login` and `context`: which hub, as whom, under which name. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createClient } from '@flotilla/client/client';
import type { Command } from 'commander';
import { readConfig, writeConfig } from '../config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { basics, formatOf, type Io } from '../session.ts';
import { table } from '../table.ts';

interface LoginOptions {
  url?: string;
  token?: string;
  tokenFile?: string;
  caFile?: string;
  name?: string;
  output?: string;
}

export function registerLogin(program: Command, io: Io): void {
  program
    .command('login')
    .description('check a token against a hub and keep both as a context')
    .option('--token-file <file>', 'read the token from a file; "-" is standard input')
    .option('--name <context>', 'name of the context (default: the host of the URL)')
    .action((_options: unknown, command: Command) => login(io, command.optsWithGlobals<LoginOptions>()));

  const context = program.command('context').description('the hubs that this machine knows');
  context
    .command('list')
    .description('contexts, the current one marked')
    .action((_options: unknown, command: Command) =>
      listContexts(io, command.optsWithGlobals<LoginOptions>()),
    );
  context
    .command('use <name>')
    .description('make a context the current one')
    .action((name: string) => useContext(io, name));
  context
    .command('delete <name>')
    .description('forget a context and its token')
    .action((name: string) => deleteContext(io, name));
}

async function login(io: Io, options: LoginOptions): Promise<void> {
  const { environment } = io;
  const url = options.url ?? environment.url;
  if (!url || !URL.canParse(url)) {
    throw new CommandError(exitCodes.usage, 'which hub?', 'pass --url https://<host>[:port]');
  }
  const token = await tokenOf(io, options);
  const caFile = options.caFile ?? environment.caFile;
  const kept = { url, token, ...(caFile === undefined ? {} : { caFile: resolve(caFile) }) };
  const { say, progress } = basics(io, 'table');
  const who = await progress(`logging in to ${url}`, () => createClient(kept).whoami());
  const name = options.name ?? new URL(url).host;
  const config = await readConfig(environment.configPath);
  await writeConfig(environment.configPath, {
    current: name,
    contexts: { ...config.contexts, [name]: kept },
  });
  say(`logged in to ${url} as ${who.name} (${who.role}); context "${name}" is the current one`);
}

async function tokenOf(io: Io, options: LoginOptions): Promise<string> {
  if (options.tokenFile === '-') return (await textOf(io.stdin)).trim();
  if (options.tokenFile !== undefined) return (await readFile(options.tokenFile, 'utf8')).trim();
  const token = options.token ?? io.environment.token;
  if (token) return token;
  throw new CommandError(
    exitCodes.usage,
    'no token',
    'pass --token-file <file>, or "-" to read it from standard input',
  );
}

async function textOf(input: AsyncIterable<string | Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of input)
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
  return text;
}

async function listContexts(io: Io, options: LoginOptions): Promise<void> {
  const config = await readConfig(io.environment.configPath);
  const { print } = basics(io, formatOf(options.output));
  const items = Object.entries(config.contexts).map(([name, { url }]) => ({
    name,
    url,
    current: name === config.current,
  }));
  const columns = [
    { title: '', value: (row: (typeof items)[number]) => (row.current ? '*' : '') },
    { title: 'NAME', value: (row: (typeof items)[number]) => row.name },
    { title: 'URL', value: (row: (typeof items)[number]) => row.url },
  ];
  print({ items, next: null }, () =>
    table(columns, items, 'no contexts; log in: flotilla login --url <url>'),
  );
}

async function useContext(io: Io, name: string): Promise<void> {
  const config = await readConfig(io.environment.configPath);
  if (!config.contexts[name]) throw noContext(name);
  await writeConfig(io.environment.configPath, { ...config, current: name });
}

async function deleteContext(io: Io, name: string): Promise<void> {
  const config = await readConfig(io.environment.configPath);
  if (!config.contexts[name]) throw noContext(name);
  const { [name]: _gone, ...contexts } = config.contexts;
  await writeConfig(io.environment.configPath, {
    current: config.current === name ? null : config.current,
    contexts,
  });
}

function noContext(name: string): CommandError {
  return new CommandError(exitCodes.notFound, `there is no context "${name}"`, 'see: flotilla context list');
}
