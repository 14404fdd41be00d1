import { expect, test } from 'vitest';
import { Breakage } from './breakage.ts';
import type { EndedProgram, ProgramKind } from './programWatch.ts';

function fleetOf() {
  const listeners: ((ended: EndedProgram) => void)[] = [];
  return {
    onProgramEnd: (listener: (ended: EndedProgram) => void) => void listeners.push(listener),
    end: (kind: ProgramKind) =>
      listeners.forEach((listener) => listener({ kind, name: kind, sentence: `${kind} ended` })),
  };
}

test.each(['servers', 'hub', 'agents'] as const)('a fleet on its way is broken by the end of %s', (kind) => {
  const fleet = fleetOf();
  const { signal } = new Breakage(fleet);
  expect(signal.aborted).toBe(false);
  fleet.end(kind);
  expect(() => signal.throwIfAborted()).toThrow(`${kind} ended`);
});

test('later a person may end the hub and agents, but nothing they stand on', () => {
  const fleet = fleetOf();
  const breakage = new Breakage(fleet);
  breakage.letPeopleTry();
  fleet.end('hub');
  fleet.end('agents');
  expect(breakage.signal.aborted).toBe(false);
  fleet.end('servers');
  expect(breakage.signal.aborted).toBe(true);
});
