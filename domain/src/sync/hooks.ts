/** Hooks as tasks: one for each phase, with the name that `generateName` asks for. */
import type { HookPhase, ObjectPolicy } from '../object/annotations.ts';
import { identityOf } from '../object/identity.ts';
import type { KubeObject } from '../object/types.ts';
import type { HookTask } from './plan.ts';

/** The assignment a hook ran for: found finished for it, it is not run again. */
export const hookAssignmentAnnotation = 'flotilla.dev/hook-assignment';

/** Names `generateName` hooks. `revision` is a commit or bundle digest, `attempt` unique per run of the application. */
export interface HookNaming {
  revision: string;
  attempt: string;
}

export interface PhasedHook {
  phase: HookPhase;
  task: HookTask;
}

export function hookTasks(object: KubeObject, policy: ObjectPolicy, naming: HookNaming): PhasedHook[] {
  const hook = policy.hook;
  if (hook === null) return [];
  return hook.phases.map((phase) => {
    const named = nameHook(object, phase, naming);
    const { deletePolicies } = hook;
    return {
      phase,
      task: { type: 'hook', identity: identityOf(named), object: named, policy, deletePolicies },
    };
  });
}

/** A pod's name and the label that carries its Job's name end at 63 characters, a Job adds six of its own. */
const nameLengthMax = 57;

/** `<generateName><rev7>-<phase>-<attempt>`; objects that have a name keep it. */
function nameHook(object: KubeObject, phase: HookPhase, naming: HookNaming): KubeObject {
  const { generateName: prefix, ...metadata } = object.metadata;
  if (typeof prefix !== 'string') return object;
  const suffix = `${naming.revision.slice(0, 7)}-${phase.toLowerCase()}-${naming.attempt}`;
  const name = `${prefix.slice(0, Math.max(1, nameLengthMax - suffix.length))}${suffix}`;
  return { ...object, metadata: { ...metadata, name } };
}
