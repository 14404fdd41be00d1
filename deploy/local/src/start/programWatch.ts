/** Notices when programs of the fleet end, until it is told that they may. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from '../processes/program.ts';
import { sentenceOfEnd } from './programEnd.ts';

export type ProgramKind = 'servers' | 'hub' | 'agents';

export interface EndedProgram {
  kind: ProgramKind;
  name: string;
  /** What happened and what to do, for people. */
  sentence: string;
}

/** A program ended that nobody asked to end. */
export class ProgramEndedError extends Error {
  override readonly name = 'ProgramEndedError';
}

/** The end of a program is heard of a moment after its connections break. */
const HEARD_WITHIN_MS = 200;

type Listener = (ended: EndedProgram) => void;

export class ProgramWatch {
  readonly #listeners: Listener[] = [];
  readonly #ended: EndedProgram[] = [];
  #isOver = false;

  add(kind: ProgramKind, program: Program, name = program.name): void {
    void program.exited.then((exit) => {
      if (this.#isOver) return;
      const { logFile } = program;
      const end = { name, exit, output: program.output(), logFile };
      this.#tell({ kind, name, sentence: sentenceOfEnd(end, process.availableMemory()) });
    });
  }

  /** Also of those that ended before. */
  onEnd(listener: Listener): void {
    this.#listeners.push(listener);
    for (const ended of this.#ended) listener(ended);
  }

  /** What is to blame for a failure: a program that ended, where one did. */
  async blame(failure: unknown): Promise<unknown> {
    if (this.#ended.length === 0) await delay(HEARD_WITHIN_MS);
    const [first] = this.#ended;
    return first === undefined ? failure : new ProgramEndedError(first.sentence, { cause: failure });
  }

  /** From now on programs end because they are asked to. */
  end(): void {
    this.#isOver = true;
  }

  #tell(ended: EndedProgram): void {
    this.#ended.push(ended);
    for (const listener of this.#listeners) listener(ended);
  }
}
