/**
 * What a hub asks. A command is acked when it is taken on, delivered at least once and run once: the last ids are
 * remembered. One that this agent cannot run is answered so, never ignored and never guessed at.
 */
import type { AgentHubClient } from '@flotilla/proto/grpc';
import type { Command, CommandBody } from '@flotilla/proto/messages';
import type { Clock } from '../clock.ts';
import type { BulkConnection } from '../hub/connection.ts';
import type { Log } from '../log.ts';
import { AnswerError, sendAnswer } from './answer.ts';

/** How a command is carried out: at once, or by an answer in bytes. */
export type Carried = { answer: 'none' } | { answer: 'bytes'; content: AsyncIterable<Uint8Array> };

/** Throws AnswerError for what cannot be carried out. */
export type CarryOut = (command: CommandBody, signal: AbortSignal, bulk: BulkConnection) => Carried;

export interface CommandsOptions {
  carryOut: CarryOut;
  clock: Clock;
  log: Log;
}

export interface Commands {
  /** Returns at once; answers go out by the bulk connection. The caller acks. */
  take(command: Command, bulk: BulkConnection, signal: AbortSignal): void;
}

const rememberedMax = 512;
const runningMax = 8;

interface Taking extends CommandsOptions {
  /** Ids in the order they came. */
  seen: Set<string>;
  running: number;
}

export function createCommands(options: CommandsOptions): Commands {
  const taking: Taking = { ...options, seen: new Set(), running: 0 };
  return { take: (command, bulk, signal) => take(taking, command, bulk, signal) };
}

function take(taking: Taking, command: Command, bulk: BulkConnection, signal: AbortSignal): void {
  const { id } = command;
  if (taking.seen.has(id)) return;
  remember(taking.seen, id);
  if (command.expiresAt.getTime() <= taking.clock.nowMs()) {
    taking.log.warn({ command: id, kind: command.command.kind }, 'command expired');
    return;
  }
  taking.log.info({ command: id, kind: command.command.kind }, 'command taken');
  const carried = carryOutOrRefuse(taking, command.command, signal, bulk);
  if (carried.answer === 'bytes') void answer(taking, id, carried.content, bulk, signal);
}

function remember(seen: Set<string>, id: string): void {
  seen.add(id);
  for (const oldest of seen) {
    if (seen.size <= rememberedMax) return;
    seen.delete(oldest);
  }
}

function carryOutOrRefuse(
  taking: Taking,
  command: CommandBody,
  signal: AbortSignal,
  bulk: BulkConnection,
): Carried {
  try {
    if (taking.running >= runningMax) throw new AnswerError('failed', 'too many commands are being answered');
    return taking.carryOut(command, signal, bulk);
  } catch (error) {
    return { answer: 'bytes', content: failing(error) };
  }
}

/** An answer that is nothing but its error. */
async function* failing(error: unknown): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  throw error;
}

async function answer(
  taking: Taking,
  id: string,
  content: AsyncIterable<Uint8Array>,
  bulk: BulkConnection,
  signal: AbortSignal,
): Promise<void> {
  taking.running += 1;
  try {
    await bulk.use((client: AgentHubClient) => sendAnswer(client, id, content, signal));
  } catch (error) {
    // Delivered at least once: the hub asks again on the next stream.
    taking.seen.delete(id);
    if (!signal.aborted) taking.log.warn({ command: id, error }, 'answer not delivered');
  } finally {
    taking.running -= 1;
  }
}
