/** Waiting until a sync wave is healthy: every object Healthy, Suspended or without a health of its own. */
import { identityKey } from '@flotilla/domain/object/identity';
import type { SyncWave } from '@flotilla/domain/sync/plan';
import { judgeWave } from '@flotilla/domain/sync/wait';
import type { PhaseOutcome } from './phaseOutcome.ts';
import type { Run } from './context.ts';
import { waitFor } from './waitFor.ts';

export async function waitForWave(run: Run, wave: SyncWave): Promise<PhaseOutcome> {
  const identities = wave.groups.flat().flatMap((task) => (task.type === 'apply' ? [task.identity] : []));
  const startedAtMs = run.cluster.clock.monotonicMs();
  return waitFor(run, run.signals.preempted, () => {
    const objects = identities.map((identity) => ({
      identity,
      health: run.target.records.get(identityKey(identity))?.health ?? null,
    }));
    const nowMs = run.cluster.clock.monotonicMs();
    const timeoutMs = run.body.timeouts.syncWaveMs;
    const verdict = judgeWave({ objects, startedAtMs, nowMs, timeoutMs });
    if (verdict.outcome === 'waiting') return null;
    return verdict.outcome === 'done' ? { ok: true } : { ok: false, message: verdict.message };
  });
}
