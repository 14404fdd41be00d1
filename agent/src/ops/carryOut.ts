/** Each command of the protocol, and what carries it out here. */
import type { Body, Head } from '@flotilla/domain/desired/entry';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { DryRun } from '../reconcile/dryRun.ts';
import type { BundleStore } from '../state/bundles.ts';
import { AnswerError } from './answer.ts';
import { readBundle } from './bundle.ts';
import type { Carried, CarryOut } from './commands.ts';
import { readLogs } from './logs.ts';
import { answerDiff, answerPlan } from './plan.ts';

export interface CarryOutOptions {
  kube: KubeClient;
  discovery: Discovery;
  bundles: BundleStore;
  /** The body of a target in force; null where this cluster has no such target. */
  bodyOf(target: string): Body | null;
  /** Of a target in force, as `bodyOf`. */
  entryOf(target: string): { head: Head; body: Body } | null;
  dryRun: DryRun;
  terminate(target: string): void;
  /** Looks at the cluster now; '' for every target. Undefined where the reconciler cannot be asked. */
  refresh?: ((target: string, hard: boolean) => void) | undefined;
}

export function createCarryOut(options: CarryOutOptions): CarryOut {
  return (command, signal, side): Carried => {
    switch (command.kind) {
      case 'refresh':
        if (options.refresh === undefined) throw unsupported('refresh');
        options.refresh(command.target, command.hard);
        return { answer: 'none' };
      case 'terminate':
        if (command.hook !== '') throw unsupported('terminate of one hook');
        options.terminate(command.target);
        return { answer: 'none' };
      case 'logs': {
        const body = options.bodyOf(command.target);
        if (body === null) throw new AnswerError('notFound', 'this cluster has no such target');
        return { answer: 'stream', content: readLogs({ ...options, body }, command, signal) };
      }
      case 'sendBundle':
        return { answer: 'stream', content: readBundle(options.bundles, command.digest) };
      case 'diff': {
        const entry = options.entryOf(command.target);
        if (entry === null) throw new AnswerError('notFound', 'this cluster has no such target');
        return { answer: 'document', content: answerDiff(options, entry, signal) };
      }
      case 'plan':
        return { answer: 'document', content: answerPlan(options, command, side, signal) };
      case 'unknown':
        throw unsupported(command.kind);
    }
  };
}

function unsupported(what: string): AnswerError {
  return new AnswerError('unsupported', `this agent does not support the command ${what}`);
}
