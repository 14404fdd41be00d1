/** Pod: by phase, and, where it is to run for ever, by what keeps its containers from it. */
import type { JsonMap, KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { conditionOf, is, verdict } from './condition.ts';
import { at, countAt, listAt, textAt } from './read.ts';

const failing = /^Err|Error$|BackOff$|^Invalid/;

export function podHealth(object: KubeObject): Health {
  const isForever = (textAt(object, 'spec', 'restartPolicy') || 'Always') === 'Always';
  const blocked = isForever ? blockedContainer(object) : undefined;
  if (blocked !== undefined) return verdict('Degraded', blocked);
  switch (textAt(object, 'status', 'phase')) {
    case 'Succeeded':
      return verdict('Healthy', textAt(object, 'status', 'message'));
    case 'Failed':
      return verdict('Degraded', failureOf(object));
    case 'Running':
      return isForever ? runningHealth(object) : verdict('Progressing', 'the pod is running to its end');
    case 'Unknown':
      return verdict('Unknown', textAt(object, 'status', 'message') || 'the node does not report');
    default:
      return verdict('Progressing', pendingMessage(object));
  }
}

function runningHealth(object: KubeObject): Health {
  if (is(conditionOf(object, 'Ready'), 'True')) return verdict('Healthy');
  const crashed = containers(object).find((status) => at(status, 'lastState', 'terminated') !== undefined);
  if (crashed === undefined) return verdict('Progressing', 'the pod is not ready yet');
  return verdict('Degraded', terminationOf(crashed, 'lastState'));
}

/** A container that waits for a reason which does not pass by itself. */
function blockedContainer(object: KubeObject): string | undefined {
  for (const status of containers(object)) {
    const reason = textAt(status, 'state', 'waiting', 'reason');
    if (!failing.test(reason)) continue;
    const message = textAt(status, 'state', 'waiting', 'message');
    return `container ${textAt(status, 'name')}: ${message === '' ? reason : `${reason}: ${message}`}`;
  }
  return undefined;
}

function failureOf(object: KubeObject): string {
  const message = textAt(object, 'status', 'message') || textAt(object, 'status', 'reason');
  if (message !== '') return message;
  const ended = containers(object).find((status) => countAt(status, 'state', 'terminated', 'exitCode') !== 0);
  return ended === undefined ? 'the pod failed' : terminationOf(ended, 'state');
}

function terminationOf(status: JsonMap, where: 'state' | 'lastState'): string {
  const reason = textAt(status, where, 'terminated', 'reason');
  const code = countAt(status, where, 'terminated', 'exitCode');
  return `container ${textAt(status, 'name')} ended with code ${code}${reason === '' ? '' : ` (${reason})`}`;
}

function pendingMessage(object: KubeObject): string {
  const scheduled = conditionOf(object, 'PodScheduled');
  return is(scheduled, 'False') && scheduled !== undefined && scheduled.message !== ''
    ? scheduled.message
    : 'the pod is starting';
}

function containers(object: KubeObject): readonly JsonMap[] {
  return [
    ...listAt(object, 'status', 'initContainerStatuses'),
    ...listAt(object, 'status', 'containerStatuses'),
  ];
}
