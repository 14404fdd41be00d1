/**
 * Tells the hub what is and what happened. Changes of a few tens of milliseconds go out together, the end of an operation at
 * once, since people and rollouts wait for it and nothing follows that could be told with it; one numbered batch is
 * under way at a time, and the next carries the latest of whatever changed meanwhile. A batch counts when the hub acked
 * it, which it does once it is committed; what was not acked when the stream broke is said again in the next session.
 */
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { canonicalBytes } from '@flotilla/domain/bundle/canonical';
import type { Fact, FactBody, ObservedState } from '@flotilla/domain/status/observed';
import { decodeReportAck, encodeReportBatch } from '@flotilla/proto/codec/report';
import type { AgentHubClient } from '@flotilla/proto/grpc';
import { factsPerBatchMax, reportBatchBytesMax, statesPerBatchMax } from '@flotilla/proto/limits';
import type { ReportAck, ReportBatch, Welcome, WireFact } from '@flotilla/proto/messages';
import type { Clock } from '../clock.ts';
import { createSender } from '../hub/sender.ts';
import type { Send } from '../hub/sender.ts';
import type { Log } from '../log.ts';
import type { FactRing } from '../state/facts.ts';
import type { ReportQueue } from './queue.ts';

export interface ReporterOptions {
  queue: ReportQueue;
  facts: FactRing;
  clock: Clock;
  random: () => number;
  log: Log;
}

export interface Reporter {
  /** `isEnd`: its operation has just ended. */
  onState(state: ObservedState, isEnd?: boolean): void;
  /** Kept until the hub has it. Resolves when it is on disk; a disk that refuses it is logged. */
  onFact(fact: FactBody): Promise<void>;
  /**
   * One `Report` stream. Resolves `stale` when the session's fence is no longer the cluster's; rejects when the stream
   * breaks or the signal aborts.
   */
  run(client: AgentHubClient, welcome: Welcome, signal: AbortSignal): Promise<'stale'>;
}

type ReportCall = ClientDuplexStream<Uint8Array, Uint8Array>;

const debounceMinMs = 20;
const debounceSpreadMs = 30;
const statesBytesMax = reportBatchBytesMax / 2;
const factBytesMax = reportBatchBytesMax / 2;

interface Reporting extends ReporterOptions {
  wake: () => void;
  /** The next batch does not wait for neighbours. */
  isUrgent: boolean;
  hurry: () => void;
}

export function createReporter(options: ReporterOptions): Reporter {
  const reporting: Reporting = {
    ...options,
    wake: () => undefined,
    isUrgent: false,
    hurry: () => undefined,
  };
  return {
    onState: (state, isEnd = false) => {
      if (!options.queue.put(state)) return;
      reporting.isUrgent ||= isEnd;
      reporting.wake();
      if (isEnd) reporting.hurry();
    },
    onFact: async (fact) => {
      const kept = options.facts.append(fact).catch((error: unknown) => {
        options.log.error({ error, type: fact.type }, 'fact not on disk');
      });
      reporting.wake();
      await kept;
    },
    run: (client, welcome, signal) => run(reporting, client, welcome, signal),
  };
}

async function run(
  reporting: Reporting,
  client: AgentHubClient,
  welcome: Welcome,
  signal: AbortSignal,
): Promise<'stale'> {
  signal.throwIfAborted();
  reporting.queue.begin(welcome.observedDigest);
  await alignFacts(reporting.facts, welcome.factNumber);
  const call = client.report();
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await exchange(reporting, call, welcome, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', cancel);
    reporting.queue.cut();
    reporting.wake = () => undefined;
    call.on('error', () => undefined);
    call.cancel();
  }
}

/** The hub has all up to `number`; a number that this ring never gave means that the ring was lost. */
async function alignFacts(facts: FactRing, number: bigint): Promise<void> {
  const known = Number(number);
  if (known > facts.lastNumber()) await facts.reincarnateIfBelow(known);
  else await facts.acked(known);
}

async function exchange(
  reporting: Reporting,
  call: ReportCall,
  welcome: Welcome,
  signal: AbortSignal,
): Promise<'stale'> {
  const send = createSender(call);
  const acks = (call as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  // Read ahead of the first batch: a stream that breaks while there is nothing to say is noticed as well.
  let answer = acks.next();
  answer.catch(() => undefined);
  for (let batch = 1n; ; batch += 1n) {
    await Promise.race([somethingToSay(reporting, welcome, signal), failed(answer)]);
    await sendBatch(reporting, send, welcome.fence, batch);
    const ack = await ackOf(answer, batch);
    if (ack.stale) return 'stale';
    answer = acks.next();
    answer.catch(() => undefined);
    reporting.queue.acked();
    await reporting.facts.acked(Number(ack.factNumber));
  }
}

/** Never resolves; rejects with what the stream broke with. */
async function failed(answer: Promise<IteratorResult<Uint8Array>>): Promise<never> {
  const { done } = await answer;
  throw new Error(done === true ? 'the hub closed the report stream' : 'the hub acked what was not sent');
}

async function ackOf(answer: Promise<IteratorResult<Uint8Array>>, batch: bigint): Promise<ReportAck> {
  const { done, value } = await answer;
  if (done === true) throw new Error('the hub closed the report stream');
  const ack = decodeReportAck(value as Uint8Array);
  if (!ack.stale && ack.batch !== batch) throw new Error('the hub acked another batch');
  return ack;
}

async function sendBatch(reporting: Reporting, send: Send, fence: bigint, number: bigint): Promise<void> {
  reporting.isUrgent = false;
  const batch: ReportBatch = {
    fence,
    batch: number,
    states: reporting.queue.take(statesBytesMax, statesPerBatchMax),
    facts: factsOf(reporting.facts),
    incarnation: reporting.facts.incarnation(),
  };
  await send(encodeReportBatch(batch));
}

function factsOf(ring: FactRing): WireFact[] {
  const facts: WireFact[] = [];
  let bytes = 0;
  for (const fact of ring.pending(factsPerBatchMax)) {
    const wire = encodeFact(fact);
    bytes += wire.fact.length;
    if (facts.length > 0 && bytes > factBytesMax) break;
    facts.push(wire);
  }
  return facts;
}

function encodeFact({ number, at, ...body }: Fact): WireFact {
  return { number: BigInt(number), at: new Date(at), fact: canonicalBytes(body) };
}

/** Until a state or fact waits, and then a little longer for its neighbours; or until it is time for a sign of life. */
async function somethingToSay(reporting: Reporting, welcome: Welcome, signal: AbortSignal): Promise<void> {
  const { clock, random } = reporting;
  if (isIdle(reporting)) await woken(reporting, welcome.intervals.heartbeatMs, signal);
  if (isIdle(reporting)) return;
  if (reporting.isUrgent) return;
  const debounceMs = welcome.intervals.reportDebounceMs || debounceMinMs + debounceSpreadMs * random();
  const hurried = new AbortController();
  reporting.hurry = () => hurried.abort();
  await clock.sleep(debounceMs, AbortSignal.any([signal, hurried.signal])).catch(() => undefined);
  signal.throwIfAborted();
}

function isIdle({ queue, facts }: Reporting): boolean {
  return queue.isEmpty() && facts.pending(1).length === 0;
}

async function woken(reporting: Reporting, heartbeatMs: number, signal: AbortSignal): Promise<void> {
  const woke = Promise.withResolvers<void>();
  reporting.wake = woke.resolve;
  const stop = new AbortController();
  const waits = [woke.promise];
  if (heartbeatMs > 0) waits.push(reporting.clock.sleep(heartbeatMs, stop.signal).catch(() => undefined));
  const abort = (): void => woke.resolve();
  signal.addEventListener('abort', abort, { once: true });
  await Promise.race(waits);
  signal.removeEventListener('abort', abort);
  stop.abort();
}
