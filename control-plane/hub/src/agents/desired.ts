/**
 * Desired state to one agent: level-triggered, the latest wins, at most one message in flight. `pump` compares the rows
 * with what the agent holds and sends the difference; acks, nacks and requests for the complete set move what it holds.
 * Nothing is queued: whatever was superseded before it was sent is never sent.
 */
import { Injectable } from '@nestjs/common';
import { compareMarks } from '@flotilla/domain/desired/mark';
import { splitDesired } from '@flotilla/domain/desired/parts';
import type { DesiredAck, DesiredNack } from '@flotilla/proto/messages';
import { outsideTransaction } from '../clusters/authority.store.ts';
import { Clock } from '../platform/clock.ts';
import { sha256 } from '../platform/digest.ts';
import { Batcher } from '../platform/batcher.ts';
import { Loggers, type Logger } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { BodyCache } from './bodyCache.ts';
import * as store from './desired.store.ts';
import { bodiesToSend, messageOf, nackBackoffMs, planDesired, type Plan } from './plan.ts';
import type { Session } from './session.ts';
import { Slots } from './slots.ts';

/** A part is one write, and a reader must take one in 30 s: 64 KiB is little enough for a line of 20 kbit/s. */
const partBytes = 64 * 1024;
/** Whole sets that are read from Postgres at one time. */
const readersMax = 8;
/** Clusters of one question: a few thousand rows, so that their reading does not hold up the event loop. */
const clustersMax = 100;
/** Of acks, nothing waits for but the next change: a few milliseconds make one transaction of what a fleet answers. */
const acksGatherMs = 10;

@Injectable()
export class DesiredFlow {
  private readonly bodies: BodyCache;
  private readonly slots = new Slots(readersMax);
  private readonly reads: Batcher<store.AskedDesired, store.DesiredRows | null>;
  private readonly sents: Batcher<store.SentMark, void>;
  private readonly acks: Batcher<store.AcceptedMark, boolean>;
  private readonly logger: Logger;

  constructor(
    private readonly clock: Clock,
    private readonly database: Database,
    observations: Observations,
    loggers: Loggers,
  ) {
    const source = outsideTransaction(database);
    this.bodies = new BodyCache(database);
    this.reads = new Batcher({
      itemsMax: clustersMax,
      runningMax: 2,
      run: (asked) => store.readDesired(source, asked),
    });
    this.sents = new Batcher({
      itemsMax: clustersMax,
      runningMax: 2,
      run: (sent) => store.recordSent(source, sent),
    });
    this.acks = new Batcher({
      itemsMax: 5 * clustersMax,
      gatherMs: acksGatherMs,
      keyOf: ({ clusterId }) => clusterId,
      run: (acks) => observations.write((tx) => store.recordAccepted(tx, acks)),
    });
    this.logger = loggers.for('desired');
  }

  /** Brings the agent up to date, now or as soon as what is in flight is answered. Never rejects. */
  async pump(session: Session): Promise<void> {
    if (session.pumping !== 'no') {
      session.pumping = 'again';
      return;
    }
    try {
      do {
        session.pumping = 'yes';
        await this.sendDifference(session);
      } while (isAskedAgain(session) && !session.isClosed);
    } catch (error) {
      if (!session.isClosed)
        this.logger.warn({ err: error, clusterId: session.clusterId }, 'desired state not sent');
      session.cut('not sent');
    } finally {
      session.pumping = 'no';
    }
  }

  async onAck(session: Session, ack: DesiredAck): Promise<void> {
    const { inFlight } = session;
    if (!inFlight || compareMarks(inFlight.mark, ack) !== 0 || inFlight.mark.digest !== ack.digest) {
      this.logger.warn(
        { clusterId: session.clusterId, generation: ack.generation },
        'ack of what is not in flight',
      );
      return;
    }
    const { mark, entries } = inFlight;
    const { clusterId, fence } = session;
    if (!(await this.acks.ask({ clusterId, fence, mark }))) return session.refuse('displaced');
    for (const { target, reason } of ack.errors) {
      this.logger.info({ clusterId: session.clusterId, target, reason }, 'entry not honoured');
    }
    session.base = { mark, entries };
    session.inFlight = null;
    session.nacks = { count: 0, untilMs: 0, generation: 0 };
    if (session.isAskedInFlight) void this.pump(session);
  }

  async onNack(session: Session, nack: DesiredNack): Promise<void> {
    const reason = nack.detail === '' ? nack.reason : `${nack.reason}: ${nack.detail}`;
    await store.recordNack(this.database, session.clusterId, session.fence, reason);
    this.logger.warn(
      { clusterId: session.clusterId, generation: nack.generation, reason },
      'desired state nacked',
    );
    this.backOff(session, nack.generation);
  }

  /** What the agent holds is not what the hub thought. A complete set that is answered so would be asked for for ever: it backs off. */
  onWantComplete(session: Session, reason: string): void {
    const { inFlight } = session;
    this.logger.info({ clusterId: session.clusterId, reason }, 'complete set asked for');
    if (inFlight?.complete) return this.backOff(session, inFlight.mark.generation);
    session.base = null;
    session.inFlight = null;
    void this.pump(session);
  }

  private backOff(session: Session, generation: number): void {
    const count = session.nacks.count + 1;
    session.nacks = { count, generation, untilMs: this.clock.monotonicMs() + nackBackoffMs(count) };
    session.base = null;
    session.inFlight = null;
    void this.pump(session);
  }

  private async sendDifference(session: Session): Promise<void> {
    if (session.isClosed || session.standby || session.isRecovering) return;
    session.isAskedInFlight = session.inFlight !== null;
    if (session.isAskedInFlight) return;
    const rows = await this.read(session);
    if (!rows || session.isClosed) return;
    if (rows.fence !== session.fence) return session.refuse('displaced');
    if (rows.isHeld || rows.generation === 0 || this.mustWait(session, rows.generation)) return;
    const { base } = session;
    const plan = planDesired({ base, ...rows }, sha256);
    if (plan) await this.send(session, plan, rows);
  }

  /** Heads above what the agent holds, for many agents at once; the whole set, which may be large, by itself. */
  private async read({ base, clusterId }: Session): Promise<store.DesiredRows | null> {
    if (base) return this.reads.ask({ clusterId, headsAbove: base.mark.generation });
    const source = outsideTransaction(this.database);
    const [rows] = await this.slots.run(() => store.readDesired(source, [{ clusterId, headsAbove: -1 }]));
    return rows ?? null;
  }

  private async send(session: Session, plan: Plan, rows: store.DesiredRows): Promise<void> {
    const heads = plan.upserts.every((target) => rows.heads.has(target))
      ? rows.heads
      : await this.allHeads(session, rows);
    if (!heads) return void (session.pumping = 'again');
    const digests = bodiesToSend(plan, rows.wanted, session.base, session.sentBodies);
    const message = messageOf(plan, { heads, bodies: await this.bodies.get(digests) });
    await this.sents.ask({ clusterId: session.clusterId, mark: plan.mark });
    session.inFlight = {
      mark: plan.mark,
      complete: plan.complete,
      entries: new Map(rows.wanted.map((entry) => [entry.target, entry])),
    };
    for (const part of splitDesired(message, partBytes)) await session.send({ type: 'Desired', ...part });
    for (const digest of digests) session.sentBodies.add(digest);
  }

  /** Null: the set has moved on meanwhile, look again. */
  private async allHeads(session: Session, rows: store.DesiredRows): Promise<Map<string, Uint8Array> | null> {
    const all = await store.readHeads(outsideTransaction(this.database), session.clusterId);
    const isSame = rows.wanted.every(({ target, headDigest }) => all.get(target)?.digest === headDigest);
    return isSame ? new Map([...all].map(([target, { head }]) => [target, head])) : null;
  }

  /** After a nack the same generation waits; a newer one goes at once. */
  private mustWait(session: Session, generation: number): boolean {
    const { untilMs, generation: nacked } = session.nacks;
    const waitMs = untilMs - this.clock.monotonicMs();
    if (waitMs <= 0 || generation > nacked) return false;
    clearTimeout(session.retryTimer);
    session.retryTimer = setTimeout(() => void this.pump(session), waitMs).unref();
    return true;
  }
}

/** Read anew: `pump` sets it while the difference is being sent. */
function isAskedAgain({ pumping }: Session): boolean {
  return pumping === 'again';
}
