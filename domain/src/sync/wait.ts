/** When a sync wave is done: every object Healthy, Suspended or without health. A timeout names those that are not. */
import type { Identity } from '../object/types.ts';
import type { Health } from '../status/words.ts';

export const syncWaveTimeoutMs = 15 * 60_000;

/** `health` null: the kind has no health of its own. */
export interface WaitedObject {
  identity: Identity;
  health: Health | null;
}

export type WaitVerdict =
  | { outcome: 'done' }
  | { outcome: 'waiting'; on: WaitedObject[] }
  | { outcome: 'degraded'; on: WaitedObject[]; message: string };

export function judgeWave(input: {
  objects: readonly WaitedObject[];
  startedAtMs: number;
  nowMs: number;
  timeoutMs: number;
}): WaitVerdict {
  const on = input.objects.filter((object) => !isDone(object.health));
  if (on.length === 0) return { outcome: 'done' };
  if (input.nowMs - input.startedAtMs < input.timeoutMs) return { outcome: 'waiting', on };
  const message = `not healthy after ${Math.round(input.timeoutMs / 1000)} s: ${describe(on)}`;
  return { outcome: 'degraded', on, message };
}

function isDone(health: Health | null): boolean {
  return health === null || health.status === 'Healthy' || health.status === 'Suspended';
}

const namedMax = 10;

/** `Deployment shop/web (Progressing: 1 of 3 updated)`, at most ten of them. */
function describe(objects: readonly WaitedObject[]): string {
  const named = objects.slice(0, namedMax).map(({ identity, health }) => {
    const place = identity.namespace === '' ? identity.name : `${identity.namespace}/${identity.name}`;
    const reason = health?.message ? `${health.status}: ${health.message}` : (health?.status ?? 'Unknown');
    return `${identity.kind} ${place} (${reason})`;
  });
  const more = objects.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}
