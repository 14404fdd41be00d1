/** Each command of the protocol, and what carries it out here. */
import type { Body } from '@flotilla/domain/desired/entry';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { BundleStore } from '../state/bundles.ts';
import { AnswerError } from './answer.ts';
import { readBundle } from './bundle.ts';
import type { Carried, CarryOut } from './commands.ts';
import { readLogs } from './logs.ts';

export interface CarryOutOptions {
  kube: KubeClient;
  discovery: Discovery;
  bundles: BundleStore;
  /** The body of a target in force; null where this cluster has no such target. */
  bodyOf(target: string): Body | null;
  terminate(target: string): void;
  /** Looks at the cluster now; '' for every target. Undefined where the reconciler cannot be asked. */
  refresh?: ((target: string, hard: boolean) => void) | undefined;
}

export function createCarryOut(options: CarryOutOptions): CarryOut {
  return (command, signal): Carried => {
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
        return { answer: 'bytes', content: readLogs({ ...options, body }, command, signal) };
      }
      case 'sendBundle':
        return { answer: 'bytes', content: readBundle(options.bundles, command.digest) };
      case 'diff':
      case 'plan':
      case 'unknown':
        throw unsupported(command.kind);
    }
  };
}

function unsupported(what: string): AnswerError {
  return new AnswerError('unsupported', `this agent does not support the command ${what}`);
}
