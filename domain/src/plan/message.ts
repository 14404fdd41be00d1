/** What is wrong with a target's plan, in one line: the first object that would fail, else that nobody could be asked about. */
import { identityKey } from '../object/identity.ts';
import type { TargetPlan } from './plan.ts';

const lineMax = 300;

/** '' where nothing is wrong. */
export function problemOfPlan({ objects, counts }: TargetPlan): string {
  const first = objects.find(({ action }) => action === 'fail' || action === 'unknown');
  if (first?.action !== 'fail' && first?.action !== 'unknown') return '';
  const more = counts.fail + counts.unknown - 1;
  const line = `${identityKey(first.object)}: ${first.message}`.slice(0, lineMax);
  return more > 0 ? `${line} (and ${more} more)` : line;
}
