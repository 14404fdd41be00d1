/** One Connect stream of this replica: what its agent holds, what is on its way, and the one place that writes to it. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { AckedMark } from '@flotilla/domain/desired/mark';
import { encodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import type { Encoded } from '@flotilla/proto/grpc';
import type { HubMessage, RefusedReason } from '@flotilla/proto/messages';
import { refusedRetryMs } from './admit.ts';
import { hangUp, resetLater } from './hangUp.ts';
import type { Base, EntryDigests } from './plan.ts';
import { writeDrained } from './write.ts';

export interface InFlight {
  mark: AckedMark;
  complete: boolean;
  entries: Map<string, EntryDigests>;
}

export interface SessionStart {
  id: string;
  clusterId: string;
  fence: bigint;
  standby: boolean;
  isRecovering: boolean;
  base: Base | null;
  /** What the agent said it acked last. */
  helloMark: AckedMark | null;
}

type Call = ServerDuplexStream<Encoded, Encoded>;

const displacedRetryMs = 1000;

export class Session {
  readonly id: string;
  readonly clusterId: string;
  readonly fence: bigint;
  readonly standby: boolean;
  readonly isRecovering: boolean;
  readonly helloMark: AckedMark | null;
  /** What the agent holds for sure; null: lost, so that the complete set is next. */
  base: Base | null;
  inFlight: InFlight | null = null;
  /** There is news that what is in flight may not have: looked at when it is answered. */
  isAskedInFlight = false;
  /** Nacks in a row, and until when a generation not above `generation` waits. */
  nacks = { count: 0, untilMs: 0, generation: 0 };
  readonly sentBodies = new Set<string>();
  readonly sentCommands = new Set<string>();
  pumping: 'no' | 'yes' | 'again' = 'no';
  retryTimer: NodeJS.Timeout | undefined;
  /** Why it ended; '' while it lives. */
  endReason = '';
  private readonly call: Call;
  private readonly closing = new AbortController();
  private writing: Promise<void> = Promise.resolve();

  constructor(start: SessionStart, call: Call) {
    this.id = start.id;
    this.clusterId = start.clusterId;
    this.fence = start.fence;
    this.standby = start.standby;
    this.isRecovering = start.isRecovering;
    this.base = start.base;
    this.helloMark = start.helloMark;
    this.call = call;
    for (const event of ['cancelled', 'close', 'error'] as const) call.on(event, () => this.close('closed'));
  }

  get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** In order; resolves when the stream has taken it. */
  send(message: HubMessage): Promise<void> {
    return this.sendEncoded(encodeHubMessage(message));
  }

  sendEncoded(bytes: Encoded): Promise<void> {
    const written = this.writing.then(() => writeDrained(this.call, bytes, this.closing.signal));
    this.writing = written.catch(() => undefined);
    return written;
  }

  /** Says why and ends; the agent decides when to come back. */
  refuse(reason: RefusedReason, detail = ''): void {
    const retryAfterMs = reason === 'displaced' ? displacedRetryMs : refusedRetryMs;
    this.endWith({ type: 'Refused', reason, retryAfterMs, detail }, reason);
  }

  drain(retryAfterMs: number): void {
    this.endWith({ type: 'Drain', retryAfterMs }, 'drained');
  }

  /** Gives the stream up. */
  cut(reason: string): void {
    if (this.close(reason)) hangUp(this.call);
  }

  private endWith(message: HubMessage, reason: string): void {
    if (!this.close(reason)) return;
    this.call.write(encodeHubMessage(message));
    this.call.end();
    // An agent that does not end its half is not waited for.
    resetLater(this.call);
  }

  private close(reason: string): boolean {
    if (this.isClosed) return false;
    this.endReason = reason;
    clearTimeout(this.retryTimer);
    this.closing.abort(new Error(`session ended: ${reason}`));
    return true;
  }
}
