/**
 * When a fleet can no longer be what it should: a program of it ended that nobody asked to end. Once the fleet has arrived a
 * person may end the hub and agents, which is then only told.
 */
import { ProgramEndedError, type EndedProgram } from './programWatch.ts';
import { say } from './say.ts';

export class Breakage {
  readonly #broken = new AbortController();
  #mayEnd = false;

  constructor(fleet: { onProgramEnd: (listener: (ended: EndedProgram) => void) => void }) {
    fleet.onProgramEnd((ended) => this.#judge(ended));
  }

  /** Aborted with the error that tells of it. */
  get signal(): AbortSignal {
    return this.#broken.signal;
  }

  letPeopleTry(): void {
    this.#mayEnd = true;
  }

  #judge({ kind, sentence }: EndedProgram): void {
    if (kind === 'servers' || !this.#mayEnd) this.#broken.abort(new ProgramEndedError(sentence));
    else if (kind === 'agents') say(sentence);
  }
}
