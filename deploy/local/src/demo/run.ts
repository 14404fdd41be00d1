/** Walks the steps one after the other: says, waits for a person where there is one, does, and judges what was seen. */
import { createInterface } from 'node:readline';
import pc from 'picocolors';
import { say } from '../start/say.ts';
import { spell } from '../start/screen/text.ts';
import type { DemoStep, Expectation } from './step.ts';
import { NotSeenError, type Observation, type Tour } from './tour.ts';

export interface StepOutcome {
  name: string;
  ok: boolean;
  tookMs: number;
  seen: readonly Observation[];
  expected: readonly Expectation[];
  /** What was waited for in vain. */
  notSeen: string | null;
}

export interface RunOptions {
  tour: Tour;
  /** Before each step a person is asked to go on. */
  isPaced: boolean;
  signal: AbortSignal;
}

/** Ends after the first step that did not go as told: the others stand on it. */
export async function runSteps(steps: readonly DemoStep[], options: RunOptions): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = [];
  for (const [at, step] of steps.entries()) {
    say(`\n${pc.bold(`${at + 1}/${steps.length}  ${step.title}`)}`);
    say(wrap(step.say));
    if (options.isPaced) await untilEnter(options.signal);
    const outcome = await runStep(step, options.tour);
    options.signal.throwIfAborted();
    outcomes.push(outcome);
    tell(outcome);
    if (!outcome.ok) break;
  }
  return outcomes;
}

async function runStep(step: DemoStep, tour: Tour): Promise<StepOutcome> {
  const startedMs = performance.now();
  tour.begin();
  const outcome = (expected: Expectation[], notSeen: string | null): StepOutcome => ({
    name: step.name,
    ok: notSeen === null && expected.every(({ holds }) => holds),
    tookMs: Math.round(performance.now() - startedMs),
    seen: tour.seen,
    expected,
    notSeen,
  });
  try {
    return outcome(await step.act(tour), null);
  } catch (error) {
    if (!(error instanceof NotSeenError)) throw error;
    return outcome([], error.message);
  }
}

function tell({ expected, notSeen, tookMs }: StepOutcome): void {
  for (const { what, holds, saw } of expected) {
    if (holds) say(`  ${pc.green('✓')} ${what}`);
    else say(`  ${pc.red('✗')} ${what}; seen: ${JSON.stringify(saw)}`);
  }
  if (notSeen !== null) say(`  ${pc.red('✗')} ${notSeen}`);
  say(pc.dim(`  ${spell(tookMs)}`));
}

/** The terminal stays as it is, so that Ctrl-C is its own. Who has nothing more to say (Ctrl-D) goes on. */
async function untilEnter(signal: AbortSignal): Promise<void> {
  process.stderr.write(pc.dim('  Enter does it, Ctrl-C ends the tour '));
  const lines = createInterface({ input: process.stdin, terminal: false });
  const answered = new Promise<void>((resolve) => {
    lines.once('line', () => resolve());
    lines.once('close', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await answered;
  lines.close();
  signal.throwIfAborted();
}

const widthMax = 96;

function wrap(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length + 1 > widthMax) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
