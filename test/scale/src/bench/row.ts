/** What a row of the bench is, and what it says. `docs/performance.md` has the table and the method. */
import type { Bench } from './bench.ts';
import type { RowName } from './options.ts';

export interface Measured {
  /** The row's name, with a number where it has several budgets: `b1`. */
  id: string;
  /** What is measured, in a few words. */
  what: string;
  /** Agents, objects, rows: whatever the row grows with. */
  n: number;
  /** Of each counted round. Null: there is no floor. */
  floors: number[] | null;
  ours: number[];
  unit: string;
  /** Of ours to the floor; null: shown, not judged. */
  budget: number | null;
  /** An absolute figure that the reference names, for people. */
  aim?: string;
}

export interface Row {
  name: RowName;
  title: string;
  /** A smaller size is shown and not judged: its floor is too short to hold anything against. */
  judgedFrom?: number;
  run(bench: Bench): Promise<Measured[]>;
}
