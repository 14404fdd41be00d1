import { describe, expect, test } from 'vitest';
import { UsageError } from '../start/arguments.ts';
import { parseDemoOptions } from './options.ts';

describe('the arguments of the tour', () => {
  test('are a person at a terminal by default', () => {
    expect(parseDemoOptions([])).toEqual({
      once: false,
      json: undefined,
      timeoutMs: 60_000,
      speed: 1,
      clusters: 12,
      engine: 'sim',
      stateDir: undefined,
      build: true,
    });
  });

  test.each([
    [['--clusters', '3'], '--clusters 3 is no number from 4 to 19'],
    [['--speed', 'fast'], '--speed fast is no number from 0.1 to 10'],
    [['--engine', 'kubeconfig:mine'], '--engine kubeconfig:mine is not known: sim or kubelab'],
    [['--onec'], '--onec'],
  ])('that are wrong are refused in a sentence: %j', (args, sentence) => {
    expect(() => parseDemoOptions(args)).toThrow(UsageError);
    expect(() => parseDemoOptions(args)).toThrow(sentence);
  });
});
