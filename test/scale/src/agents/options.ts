/** How simulated agents are asked for on a command line, and what they are where nothing is asked for. */
import type { ParseArgsConfig } from 'node:util';
import type { SimulatedFleetOptions } from './fleet.ts';

/** `1500`, `1500ms`, `30s`, `5m`; null: none of these. */
export function readDurationMs(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (match === null) return null;
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[(match[2] ?? 'ms') as 'ms' | 's' | 'm'];
}

export const agentArguments = {
  agents: { type: 'string', default: '1000' },
  processes: { type: 'string', default: '2' },
  delay: { type: 'string', default: '200ms-2s' },
  failing: { type: 'string', default: '0' },
  'offline-every': { type: 'string', default: '0' },
  'offline-for': { type: 'string', default: '30s' },
  'restart-every': { type: 'string', default: '0' },
  old: { type: 'string', default: '0' },
  'old-protocol': { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

type Values = Record<string, string | boolean | undefined>;
export type FleetShape = Omit<SimulatedFleetOptions, 'hubUrl' | 'caSha256' | 'caPem' | 'tokenFile'>;

/** @throws ArgumentError */
export function readFleetShape(values: Values): FleetShape {
  const [min = '', max = min] = String(values['delay']).split('-');
  return {
    agents: numberOf(values, 'agents', 1, 100_000),
    processes: numberOf(values, 'processes', 1, 64),
    behaviour: {
      answerMinMs: durationOf('delay', min),
      answerMaxMs: durationOf('delay', max),
      failingShare: numberOf(values, 'failing', 0, 1),
    },
    jitter: 1,
    oldShare: numberOf(values, 'old', 0, 1),
    oldProtocol: values['old-protocol'] === undefined ? null : numberOf(values, 'old-protocol', 0, 1000),
    offlineEveryMs: durationOf('offline-every', String(values['offline-every'])),
    offlineForMs: durationOf('offline-for', String(values['offline-for'])),
    restartEveryMs: durationOf('restart-every', String(values['restart-every'])),
  };
}

/** @throws ArgumentError */
export function shareOf(values: Values, name: string): number {
  return numberOf(values, name, 0, 1);
}

function numberOf(values: Values, name: string, min: number, max: number): number {
  const number = Number(values[name]);
  if (Number.isFinite(number) && number >= min && number <= max) return number;
  throw new ArgumentError(`--${name} must be a number from ${min} to ${max}`);
}

function durationOf(name: string, text: string): number {
  const ms = readDurationMs(text);
  if (ms === null) throw new ArgumentError(`--${name} must be a time such as 500ms, 30s or 5m`);
  return ms;
}
