/**
 * What a hub asks. A command is acked when it is taken on, delivered at least once and run once: the last ids are
 * remembered. One that this agent cannot run is answered so, never ignored and never guessed at.
 */
import type { Command, CommandBody } from '@flotilla/proto/messages';
import type { Clock } from '../clock.ts';
import { besideControlMax, type SideCalls } from '../hub/connection.ts';
import type { Log } from '../log.ts';
import { AnswerError, failing, measure, sendAnswer } from './answer.ts';

/** How a command is carried out: at once, or by an answer that is told whole, or as it comes. */
export type Carried =
  { answer: 'none' } | { answer: 'document' | 'stream'; content: AsyncIterable<Uint8Array> };

/** Throws AnswerError for what cannot be carried out. */
export type CarryOut = (command: CommandBody, signal: AbortSignal, side: SideCalls) => Carried;

export interface CommandsOptions {
  carryOut: CarryOut;
  clock: Clock;
  log: Log;
}

export interface Commands {
  /** Returns at once; answers go out by calls of their own. The caller acks. */
  take(command: Command, side: SideCalls, signal: AbortSignal): void;
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
  return { take: (command, side, signal) => take(taking, command, side, signal) };
}

function take(taking: Taking, command: Command, side: SideCalls, signal: AbortSignal): void {
  const { id } = command;
  if (taking.seen.has(id)) return;
  remember(taking.seen, id);
  if (command.expiresAt.getTime() <= taking.clock.nowMs()) {
    taking.log.warn({ command: id, kind: command.command.kind }, 'command expired');
    return;
  }
  taking.log.info({ command: id, kind: command.command.kind }, 'command taken');
  const carried = carryOutOrRefuse(taking, command.command, signal, side);
  if (carried.answer !== 'none') void answer(taking, id, carried, side, signal);
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
  side: SideCalls,
): Carried {
  try {
    if (taking.running >= runningMax) throw new AnswerError('failed', 'too many commands are being answered');
    return taking.carryOut(command, signal, side);
  } catch (error) {
    return { answer: 'document', content: failing(error) };
  }
}

async function answer(
  taking: Taking,
  id: string,
  carried: Exclude<Carried, { answer: 'none' }>,
  side: SideCalls,
  signal: AbortSignal,
): Promise<void> {
  taking.running += 1;
  try {
    const { bytes, content } =
      carried.answer === 'document'
        ? await measure(carried.content, besideControlMax)
        : { bytes: Infinity, content: carried.content };
    await side.use(bytes, (client) => sendAnswer(client, id, content, signal));
  } catch (error) {
    // Delivered at least once: the hub asks again on the next stream.
    taking.seen.delete(id);
    if (!signal.aborted) taking.log.warn({ command: id, error }, 'answer not delivered');
  } finally {
    taking.running -= 1;
  }
}
