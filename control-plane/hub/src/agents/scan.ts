/**
 * The truth behind hints: every 5 s one query compares all streams of this replica with the table, and what a hint named
 * is compared at once. Streams that count no longer are cut, agents that are behind are brought on, open commands go out.
 */
import { Injectable } from '@nestjs/common';
import type { RefusedReason } from '@flotilla/proto/messages';
import { lastCheckpoint } from '../audit/audit.store.ts';
import { outsideTransaction } from '../clusters/authority.store.ts';
import { Clock } from '../platform/clock.ts';
import { HubConfig } from '../platform/config.ts';
import { Database } from '../platform/prisma.ts';
import { deliverCommands } from './commands.ts';
import { DesiredFlow } from './desired.ts';
import { SessionRegistry } from './registry.ts';
import type { Session } from './session.ts';
import { readPulses, type ClusterPulse } from './sessions.store.ts';

@Injectable()
export class SessionScan {
  private lastFullMs = -Infinity;
  private checkpointSeq = 0n;

  constructor(
    private readonly clock: Clock,
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly desired: DesiredFlow,
    private readonly registry: SessionRegistry,
  ) {}

  /** Of what was hinted; of everything when nothing was, or when it is time. */
  async run(hinted: readonly string[]): Promise<void> {
    const sinceFullMs = this.clock.monotonicMs() - this.lastFullMs;
    const isFull = hinted.length === 0 || sinceFullMs >= this.config.scanIntervalMs;
    if (isFull) this.lastFullMs = this.clock.monotonicMs();
    const clusterIds = isFull ? this.registry.clusterIds : hinted.filter((id) => this.registry.has(id));
    if (clusterIds.length > 0) await this.compare(clusterIds);
    if (isFull || hinted.includes('checkpoints')) await this.passCheckpointOn();
  }

  private async compare(clusterIds: string[]): Promise<void> {
    const pulses = new Map((await readPulses(this.database, clusterIds)).map((pulse) => [pulse.id, pulse]));
    const living: Session[] = [];
    for (const id of clusterIds) {
      const reason = endOf(pulses.get(id));
      if (reason) this.registry.cutAll(id, reason);
      else living.push(...this.bringOn(pulses.get(id)));
    }
    await deliverCommands(this.database, living);
  }

  private bringOn(pulse: ClusterPulse | undefined): Session[] {
    const session = pulse && this.registry.workingOf(pulse.id);
    if (!session) return [];
    if (session.fence < pulse.fence) {
      session.refuse('displaced');
      return [];
    }
    if (isBehind(session, pulse)) void this.desired.pump(session);
    return [session];
  }

  /** Agents keep the newest checkpoint, and show it to whatever hub they meet next. */
  private async passCheckpointOn(): Promise<void> {
    const checkpoint = await lastCheckpoint(outsideTransaction(this.database));
    if (!checkpoint || checkpoint.seq <= this.checkpointSeq) return;
    const isFirst = this.checkpointSeq === 0n;
    this.checkpointSeq = checkpoint.seq;
    // What there was at the start each agent got with its Welcome.
    if (isFirst) return;
    for (const session of this.registry.workingSessions) {
      if (!session.isRecovering) session.send({ type: 'Checkpoint', checkpoint }).catch(() => undefined);
    }
  }
}

function endOf(pulse: ClusterPulse | undefined): RefusedReason | null {
  if (!pulse) return 'unknown';
  if (pulse.state === 'Quarantined') return 'quarantined';
  return pulse.state === 'Active' || pulse.state === 'Paused' ? null : 'revoked';
}

/** Of what the agent holds, or will when it has answered. */
function isBehind({ base, inFlight }: Session, { epoch, generation, isHeld }: ClusterPulse): boolean {
  const mark = (inFlight ?? base)?.mark;
  if (isHeld) return false;
  return mark === undefined || BigInt(mark.epoch) !== epoch || BigInt(mark.generation) !== generation;
}
