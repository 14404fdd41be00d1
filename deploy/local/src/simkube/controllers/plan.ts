/**
 * What a controller decides: writes in their order, and when to look again if nothing happens before. Controllers are
 * pure functions from the objects they look at and the time to a plan; `driver.ts` carries plans out.
 */
import type { KubeObject } from '../types.ts';

export type Propagation = 'Background' | 'Foreground' | 'Orphan';

export type Write =
  | { do: 'create'; object: KubeObject }
  | { do: 'update'; object: KubeObject }
  | { do: 'status'; object: KubeObject }
  /** Takes the last finalizer of the spec off a namespace, as the subresource `finalize` does. */
  | { do: 'finalize'; object: KubeObject }
  /** `isFinal`: what only a kubelet may do, take a pod away without its grace. */
  | { do: 'delete'; object: KubeObject; propagation?: Propagation; isFinal?: true }
  | {
      do: 'event';
      about: KubeObject;
      type: 'Normal' | 'Warning';
      reason: string;
      message: string;
      component: string;
    };

export interface Plan {
  writes: Write[];
  wakeAtMs?: number;
}

/** The earlier of two wake-ups, either of which may be absent. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

export function planOf(writes: Write[], wakeAtMs?: number): Plan {
  return wakeAtMs === undefined ? { writes } : { writes, wakeAtMs };
}

export function event(
  about: KubeObject,
  component: string,
  reason: string,
  message: string,
  type: 'Normal' | 'Warning' = 'Normal',
): Write {
  return { do: 'event', about, type, reason, message, component };
}
