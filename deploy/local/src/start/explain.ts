/** What a person is told of a failed start: one sentence where the failure is a known one, else all that is known. */
import { HubError } from '../fleet/hub.ts';
import { SimkubeStartError } from '../fleet/simkube.ts';
import { GoMissingError, KubelabBuildError } from '../kubelab/build.ts';
import { PostgresError } from '../postgres.ts';
import { ProgramError } from '../processes/program.ts';
import { EngineError } from './engineError.ts';
import { MemoryShortError } from './memory.ts';
import { PortTakenError } from './portsInUse.ts';
import { sentenceOfEnd } from './programEnd.ts';
import { ProgramEndedError } from './programWatch.ts';
import { SetUpError } from './setUp.ts';
import { AlreadyRunningError, BrokenStateError, OtherFleetError } from './state.ts';

/** Their message says all that a person needs. */
const PLAIN_ERRORS = [
  AlreadyRunningError,
  BrokenStateError,
  EngineError,
  GoMissingError,
  HubError,
  KubelabBuildError,
  MemoryShortError,
  OtherFleetError,
  PortTakenError,
  PostgresError,
  ProgramEndedError,
  SetUpError,
  SimkubeStartError,
];

export function explain(error: unknown): string {
  if (error instanceof ProgramError) return explainProgram(error);
  if (PLAIN_ERRORS.some((known) => error instanceof known)) return (error as Error).message;
  if (isOutOfMemory(error)) return endWithoutMemory('this start', (error as Error).message);
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}

/** A program that was killed has no last words that would explain it. */
function explainProgram({ program, exit, output, message }: ProgramError): string {
  if (exit?.signal === 'SIGKILL')
    return sentenceOfEnd({ name: program, exit, output, logFile: undefined }, process.availableMemory());
  return message;
}

function isOutOfMemory(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOMEM' || code === 'EAGAIN';
}

function endWithoutMemory(name: string, output: string): string {
  const exit = { code: null, signal: null };
  return sentenceOfEnd(
    { name, exit, output: `ENOMEM ${output}`, logFile: undefined },
    process.availableMemory(),
  );
}
