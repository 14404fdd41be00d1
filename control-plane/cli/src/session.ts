/** What every command gets: the client, the streams, the format, the clock. */
import { createClient, type FlotillaClient } from '@flotilla/client/client';
import type { Command } from 'commander';
import ora from 'ora';
import { colorsFor, type Colors } from './colors.ts';
import { resolveConnection, type ConnectionFlags, type Environment } from './config.ts';
import { CommandError, exitCodes } from './exit.ts';
import { outputFormats, render, type OutputFormat } from './output.ts';

export interface Io {
  environment: Environment;
  /** A terminal has a size; what is drawn on it must fit. */
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  stdin: AsyncIterable<string | Uint8Array> & { isTTY?: boolean };
  now: () => Date;
  signal: AbortSignal;
}

interface GlobalFlags extends ConnectionFlags {
  output?: string;
  project?: string;
}

export interface Session {
  io: Io;
  client: FlotillaClient;
  url: string;
  format: OutputFormat;
  project: string | undefined;
  colors: Colors;
  /** Data, in the format that was asked for. */
  print: (resource: unknown, table: () => string) => void;
  /** A word to the person, on stderr. */
  say: (text: string) => void;
  /** Runs something that takes long under a spinner on stderr; quiet where nobody watches. */
  progress: <T>(text: string, work: (update: (text: string) => void) => Promise<T>) => Promise<T>;
}

export async function openSession(command: Command, io: Io): Promise<Session> {
  const flags = command.optsWithGlobals<GlobalFlags>();
  const format = formatOf(flags.output);
  const connection = await resolveConnection(flags, io.environment);
  const client = createClient({ ...connection, userAgent: 'flotilla-cli' });
  return { client, url: connection.url, ...basics(io, format), project: flags.project };
}

/** The parts of a session that need no hub. */
export function basics(io: Io, format: OutputFormat) {
  const colors = colorsFor(io.stdout, io.environment.noColor);
  return {
    io,
    format,
    colors,
    print: (resource: unknown, table: () => string) => void io.stdout.write(render(format, resource, table)),
    say: (text: string) => void io.stderr.write(`${text}\n`),
    progress: <T>(text: string, work: (update: (text: string) => void) => Promise<T>) =>
      progress(io, text, work),
  };
}

export function formatOf(output: string | undefined): OutputFormat {
  const format = outputFormats.find((known) => known === (output ?? 'table'));
  if (format) return format;
  throw new CommandError(
    exitCodes.usage,
    `unknown output format "${output}"`,
    `use one of ${outputFormats.join(', ')}`,
  );
}

async function progress<T>(
  io: Io,
  text: string,
  work: (update: (text: string) => void) => Promise<T>,
): Promise<T> {
  if (io.stderr.isTTY !== true) return work(() => undefined);
  const spinner = ora({ text, stream: io.stderr as NodeJS.WriteStream, discardStdin: false }).start();
  try {
    const result = await work((update) => {
      spinner.text = update;
    });
    spinner.stop();
    return result;
  } catch (error) {
    spinner.fail();
    throw error;
  }
}

/** Adapts a command to commander: its last argument is the command itself, from which the session is opened. */
export function withSession<A extends unknown[]>(
  io: Io,
  run: (session: Session, ...args: A) => Promise<void>,
): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    await run(await openSession(command, io), ...(all.slice(0, -1) as A));
  };
}
