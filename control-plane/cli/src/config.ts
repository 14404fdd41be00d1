/**
 * Where the CLI talks to and as whom: flag, else environment, else the current context of the config file
 * (`$XDG_CONFIG_HOME/flotilla/config.json`, readable by its owner alone since it holds tokens).
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError, exitCodes } from './exit.ts';

export interface Context {
  url: string;
  token: string;
  caFile?: string;
}

export interface ConfigFile {
  current: string | null;
  contexts: Record<string, Context>;
}

export interface Environment {
  url: string | undefined;
  token: string | undefined;
  caFile: string | undefined;
  context: string | undefined;
  configPath: string;
  /** Colours and progress, when the streams are terminals. */
  noColor: boolean;
  /** A terminal on which nothing can be drawn over. */
  isDumb: boolean;
}

export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const configHome = env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
  return {
    url: env['FLOTILLA_URL'] || undefined,
    token: env['FLOTILLA_TOKEN'] || undefined,
    caFile: env['FLOTILLA_CA_FILE'] || undefined,
    context: env['FLOTILLA_CONTEXT'] || undefined,
    configPath: join(configHome, 'flotilla', 'config.json'),
    noColor: (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb',
    isDumb: env['TERM'] === 'dumb',
  };
}

export async function readConfig(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, contexts: {} };
    throw error;
  }
  try {
    const parsed = JSON.parse(text) as Partial<ConfigFile>;
    return { current: parsed.current ?? null, contexts: parsed.contexts ?? {} };
  } catch {
    throw new CommandError(
      exitCodes.error,
      `${path} is not valid JSON`,
      'repair it, or delete it and log in again',
    );
  }
}

export async function writeConfig(path: string, config: ConfigFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}

export interface ConnectionFlags {
  url?: string | undefined;
  token?: string | undefined;
  caFile?: string | undefined;
  context?: string | undefined;
}

/** Flag > environment > context, each value for itself. */
export async function resolveConnection(flags: ConnectionFlags, environment: Environment): Promise<Context> {
  const config = await readConfig(environment.configPath);
  const name = flags.context ?? environment.context ?? config.current;
  const context = name === null ? undefined : config.contexts[name];
  if (name !== null && !context && (flags.context ?? environment.context) !== undefined) {
    throw new CommandError(exitCodes.usage, `there is no context "${name}"`, 'see: flotilla context list');
  }
  const url = flags.url ?? environment.url ?? context?.url;
  if (!url) {
    throw new CommandError(
      exitCodes.usage,
      'no hub is set',
      'log in: flotilla login --url <url> --token <token>',
    );
  }
  const caFile = flags.caFile ?? environment.caFile ?? context?.caFile;
  const token = flags.token ?? environment.token ?? context?.token ?? '';
  return caFile === undefined ? { url, token } : { url, token, caFile };
}
