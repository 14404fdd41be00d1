/**
 * Starts programs so that they can be ended for sure: each leads its own process group, which is under the supervisor
 * until the group is gone. What a program prints is kept, in its log file where one is named, else in memory.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { killGroup } from './group.ts';
import { OutputTail } from './outputTail.ts';
import { guardGroup, releaseGroup } from './supervisor.ts';

export interface ProgramOptions {
  /** For messages. */
  name: string;
  command: string;
  args?: readonly string[];
  /** Added to this process's own environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Where stdout and stderr go; without it they are kept in memory. */
  logFile?: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Program {
  name: string;
  pid: number;
  logFile: string | undefined;
  exited: Promise<Exit>;
  hasExited: () => boolean;
  /** All output so far, or its last part where it is long. */
  output: () => string;
  /** A signal to the program alone. */
  kill: (signal: NodeJS.Signals) => void;
  /** Asks with `signal`, kills the group after `timeoutMs`, and waits for the exit. */
  stop: (options?: { signal?: NodeJS.Signals; timeoutMs?: number }) => Promise<Exit>;
}

export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly program: string;
  readonly output: string;
  /** How it ended, where it did. */
  readonly exit: Exit | undefined;

  constructor(program: string, problem: string, output: string, exit?: Exit) {
    super(`${program} ${problem}${output === '' ? '' : `; its last words:\n${lastLines(output)}`}`);
    this.program = program;
    this.output = output;
    this.exit = exit;
  }
}

const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 25;

export function startProgram(options: ProgramOptions): Program {
  const { child, tail } = spawnInGroup(options);
  if (child.pid === undefined) {
    child.on('error', () => {});
    throw new ProgramError(
      options.name,
      `cannot be started: ${options.command} is missing or no program`,
      '',
    );
  }
  const pid = child.pid;
  guardGroup(pid);
  let gone = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once(options.logFile === undefined ? 'close' : 'exit', (code, signal) => {
      gone = true;
      killGroup(pid, 'SIGKILL');
      releaseGroup(pid);
      resolve({ code, signal });
    });
  });
  const output = () => (options.logFile === undefined ? tail.text() : readFileSync(options.logFile, 'utf8'));
  const program: Program = {
    name: options.name,
    pid,
    logFile: options.logFile,
    exited,
    hasExited: () => gone,
    output,
    kill: (signal) => void child.kill(signal),
    stop: (how) => stop(program, how),
  };
  return program;
}

/** Polls `check` until it holds. When the program ends first or the time is over it throws, and leaves no program. */
export async function untilReady(
  program: Program,
  check: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  try {
    await pollUntilReady(program, check, timeoutMs);
  } catch (error) {
    await program.stop({ signal: 'SIGKILL' });
    throw error;
  }
}

async function pollUntilReady(
  program: Program,
  check: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await check().catch(() => false)) return;
    if (program.hasExited())
      throw new ProgramError(program.name, 'ended while it started', program.output(), await program.exited);
    if (performance.now() > deadline) {
      throw new ProgramError(program.name, `was not ready within ${timeoutMs} ms`, program.output());
    }
    await delay(POLL_MS);
  }
}

function spawnInGroup(options: ProgramOptions): { child: ChildProcess; tail: OutputTail } {
  const tail = new OutputTail();
  let stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  let logDescriptor: number | undefined;
  if (options.logFile !== undefined) {
    mkdirSync(dirname(options.logFile), { recursive: true });
    logDescriptor = openSync(options.logFile, 'w');
    stdio = ['ignore', logDescriptor, logDescriptor];
  }
  const child = spawn(options.command, options.args ?? [], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio,
  });
  if (logDescriptor !== undefined) closeSync(logDescriptor);
  child.stdout?.on('data', (chunk: Buffer) => tail.add(chunk));
  child.stderr?.on('data', (chunk: Buffer) => tail.add(chunk));
  return { child, tail };
}

async function stop(
  program: Program,
  { signal = 'SIGTERM', timeoutMs = STOP_TIMEOUT_MS }: { signal?: NodeJS.Signals; timeoutMs?: number } = {},
): Promise<Exit> {
  if (!program.hasExited()) program.kill(signal);
  const killer = setTimeout(() => killGroup(program.pid, 'SIGKILL'), timeoutMs);
  try {
    return await program.exited;
  } finally {
    clearTimeout(killer);
  }
}

function lastLines(output: string): string {
  return output.trimEnd().split('\n').slice(-15).join('\n');
}
