/**
 * A Namespace or CRD is lifted to the phase and sync wave of the first object that needs it: whoever forgot to annotate
 * it gets it in time, and kind order puts it ahead inside that wave.
 */
import type { HookPhase } from '../object/annotations.ts';
import { kindKey } from '../object/identity.ts';
import type { Identity } from '../object/types.ts';
import type { ApplyTask, HookTask } from './plan.ts';
import { kindOfCrd } from './scope.ts';

export interface PlacedTask {
  phase: HookPhase;
  wave: number;
  task: ApplyTask | HookTask;
}

/** Deletion has its own way; a failure's hooks run when everything else was tried. */
const liftingPhases: readonly HookPhase[] = ['PreSync', 'Sync'];

export function liftPrerequisites(tasks: readonly PlacedTask[]): PlacedTask[] {
  const first = firstNeeds(tasks);
  return tasks.map((placed) => {
    const needed = placed.task.type === 'apply' ? needKeyOf(placed.task) : null;
    const need = needed === null ? undefined : first.get(needed);
    return need && isEarlier(need, placed) ? { ...placed, phase: need.phase, wave: need.wave } : placed;
  });
}

type Moment = Pick<PlacedTask, 'phase' | 'wave'>;

/** For each namespace and kind, when it is first needed. */
function firstNeeds(tasks: readonly PlacedTask[]): ReadonlyMap<string, Moment> {
  const first = new Map<string, Moment>();
  for (const placed of tasks) {
    if (!liftingPhases.includes(placed.phase)) continue;
    for (const key of dependencyKeys(placed.task.identity)) {
      const known = first.get(key);
      if (!known || isEarlier(placed, known)) first.set(key, placed);
    }
  }
  return first;
}

function dependencyKeys(identity: Identity): string[] {
  const kind = `kind ${kindKey(identity)}`;
  return identity.namespace === '' ? [kind] : [kind, `namespace ${identity.namespace}`];
}

/** The key under which others need this object; null when it is no prerequisite of anything. */
function needKeyOf(task: ApplyTask): string | null {
  const { group, kind, name } = task.identity;
  if (group === '' && kind === 'Namespace') return `namespace ${name}`;
  const brought = kindOfCrd(task.object);
  return brought ? `kind ${kindKey(brought)}` : null;
}

function isEarlier(a: Moment, b: Moment): boolean {
  const [phaseA, phaseB] = [liftingPhases.indexOf(a.phase), liftingPhases.indexOf(b.phase)];
  return phaseA < phaseB || (phaseA === phaseB && a.wave < b.wave);
}
