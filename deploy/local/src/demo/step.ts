/**
 * A step of the tour: what it says before, what it does, and what must have been seen then. Steps stand on those before
 * them.
 */
import type { Tour } from './tour.ts';

export interface Expectation {
  what: string;
  holds: boolean;
  /** Told where it does not hold. */
  saw: unknown;
}

export interface DemoStep {
  name: string;
  title: string;
  /** What will happen, in one or two sentences. */
  say: string;
  /** Does it, tells what is seen on the way, and returns what is to be judged. */
  act: (tour: Tour) => Promise<Expectation[]>;
}

export interface StepDefinition<Seen> extends Omit<DemoStep, 'act'> {
  act: (tour: Tour) => Promise<Seen>;
  expect: (seen: Seen) => Expectation[];
}

/** Hides what a step saw from whoever runs it. */
export function demoStep<Seen>({ act, expect, ...rest }: StepDefinition<Seen>): DemoStep {
  return { ...rest, act: async (tour) => expect(await act(tour)) };
}

export function expectation(what: string, holds: boolean, saw: unknown): Expectation {
  return { what, holds, saw };
}
