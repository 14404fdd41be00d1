/**
 * The whole set by server-side dry-run before the first write, where `validate: server` asks for it: one refusal and
 * nothing is applied. What cannot be validated yet (its namespace or kind is still to be made, a webhook refuses dry-runs) is not
 * refused.
 */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { applyObject } from '../kube/apply.ts';
import { isKubeError } from '../kube/error.ts';
import type { Run } from './context.ts';
import { callOptions } from './context.ts';
import { failTask } from './failure.ts';
import { inParallel } from './parallel.ts';
import type { Plan, PlannedApply } from './plan.ts';

/** Null when nothing was refused, else a summary; each refusal is recorded on its object. */
export async function validate(run: Run, plan: Plan): Promise<string | null> {
  if (run.body.sync.validate !== 'server') return null;
  const asked = [...plan.writes.values()].filter((item) => item.task.policy.validate);
  const refusals: string[] = [];
  await inParallel(asked, 16, async (item) => {
    const refusal = await refusalOf(run, item);
    if (refusal === null) return;
    failTask(run, item.key, refusal);
    refusals.push(`${item.key}: ${refusal.message}`);
  });
  if (refusals.length === 0) return null;
  return `${refusals.length} of ${asked.length} objects were refused by dry-run, nothing was applied: ${refusals[0] ?? ''}`;
}

async function refusalOf(run: Run, item: PlannedApply): Promise<Error | null> {
  const { identity, object } = item.task;
  const resource = await run.cluster.discovery.find(object.apiVersion, object.kind);
  if (resource === null) return null;
  const address = { resource, namespace: identity.namespace, name: identity.name };
  run.signals.preempted.throwIfAborted();
  try {
    await applyObject(run.cluster.kube, address, canonicalText(item.manifest), {
      ...callOptions(run),
      dryRun: true,
    });
    return null;
  } catch (error) {
    const refused =
      isKubeError(error, 'Invalid', 'Forbidden', 'BadRequest') && !/dry.?run/i.test(error.message);
    if (refused) return error;
    if (isKubeError(error)) return null;
    throw error;
  }
}
