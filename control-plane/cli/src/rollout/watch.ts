/**
 * `rollout get --watch`: a rollout until it is closed. On a terminal one picture that is kept up to date, elsewhere a line
 * for each decision, as JSON or YAML the whole resource for each change.
 */
import type { RolloutDetail } from '@flotilla/client/rollouts';
import { stringify } from 'yaml';
import { exitCodes, type ExitCode } from '../exit.ts';
import { pause } from '@flotilla/client/pause';
import type { Session } from '../session.ts';
import { decisionText, drawRollout } from './draw.ts';
import { followRollout, isClosed, type RolloutSight } from './follow.ts';
import { columnsDefault, openScreen } from './screen.ts';
import { thereIn } from './words.ts';

export interface WatchOptions {
  /** Null: there is none yet. */
  find: () => Promise<string | null>;
  /** Null: as long as it takes. */
  timeoutMs: number | null;
}

interface Watcher extends Disposable {
  see: (sight: RolloutSight) => void;
}

const secondMs = 1_000;
/** Between two lines that only count. */
const countLineMs = 10_000;

export async function watchRollout(session: Session, options: WatchOptions): Promise<ExitCode> {
  const { client, io, say } = session;
  const { find, timeoutMs } = options;
  const isTimeUp = timeoutMs === null ? null : AbortSignal.timeout(timeoutMs);
  const signal = isTimeUp === null ? io.signal : AbortSignal.any([io.signal, isTimeUp]);
  const rolloutId = await found(session, find, signal);
  let last: RolloutDetail | null = null;
  if (rolloutId !== null) {
    using watcher = watcherOf(session);
    for await (const sight of followRollout({ client, rolloutId, signal, now: io.now })) {
      last = sight.rollout;
      watcher.see(sight);
    }
  }
  if (last !== null && isClosed(last)) return last.phase === 'Completed' ? exitCodes.done : exitCodes.no;
  if (isTimeUp?.aborted !== true) return exitCodes.unknown;
  const state = rolloutId === null ? 'there is no such rollout yet' : 'the rollout goes on';
  say(`gave up after ${(timeoutMs ?? 0) / 1000} s: ${state}`);
  return exitCodes.timedOut;
}

/** Looks every second. Null: time was up, or it was interrupted. */
function found(session: Session, find: WatchOptions['find'], signal: AbortSignal): Promise<string | null> {
  return session.progress('waiting for its rollout', async () => {
    for (;;) {
      const rolloutId = await find();
      if (rolloutId !== null || signal.aborted) return rolloutId;
      await pause(secondMs, signal);
    }
  });
}

function watcherOf(session: Session): Watcher {
  const { io, format } = session;
  const write = (text: string) => void io.stdout.write(text);
  const nothing = () => undefined;
  switch (format) {
    case 'json':
      return { see: ({ rollout }) => write(`${JSON.stringify(rollout)}\n`), [Symbol.dispose]: nothing };
    case 'yaml':
      return { see: ({ rollout }) => write(`---\n${stringify(rollout)}`), [Symbol.dispose]: nothing };
    case 'table':
      return io.stdout.isTTY === true && !io.environment.isDumb
        ? screenWatcher(session)
        : lineWatcher(session);
  }
}

/** Time passes on the screen although nothing changes. */
function screenWatcher({ io, colors }: Session): Watcher {
  const screen = openScreen(io.stdout);
  let seen: RolloutSight | null = null;
  const draw = () => {
    if (seen !== null) screen.draw(linesOf(seen, { ...screen.size(), colors, now: io.now() }));
  };
  const timer = setInterval(draw, secondMs);
  io.stdout.on('resize', draw);
  return {
    see(sight) {
      seen = sight;
      draw();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      io.stdout.off('resize', draw);
      screen[Symbol.dispose]();
    },
  };
}

interface LinesRoom {
  columns: number;
  rows: number | null;
  colors: Session['colors'];
  now: Date;
}

function linesOf({ rollout, aheadMs, hubAwaySinceMs }: RolloutSight, { now, ...room }: LinesRoom): string[] {
  return drawRollout(rollout, {
    ...room,
    nowMs: now.getTime() + aheadMs,
    hubAwayMs: hubAwaySinceMs === null ? null : now.getTime() - hubAwaySinceMs,
  });
}

/** The whole picture first and last; between them what was decided, and now and then how far it is. */
function lineWatcher({ io, colors }: Session): Watcher {
  let told: ReadonlySet<string> | null = null;
  let countedAtMs = 0;
  const write = (lines: readonly string[]) => {
    if (lines.length > 0) io.stdout.write(`${lines.join('\n')}\n`);
  };
  const picture = (sight: RolloutSight) =>
    write(linesOf(sight, { columns: columnsDefault, rows: null, colors, now: io.now() }));
  return {
    see(sight) {
      const { rollout } = sight;
      const lines = rollout.events.toReversed().map((event) => decisionText(event, true));
      const before = told;
      told = new Set(lines);
      if (before === null) return picture(sight);
      write(lines.filter((line) => !before.has(line)));
      if (isClosed(rollout)) return picture(sight);
      const nowMs = io.now().getTime();
      if (nowMs - countedAtMs < countLineMs) return;
      countedAtMs = nowMs;
      write([`${rollout.readAt.slice(11, 19)}  ${countLine(rollout)}`]);
    },
    [Symbol.dispose]: () => undefined,
  };
}

function countLine({ waves, failures, deferred }: RolloutDetail): string {
  const counts = waves
    .filter(({ state }) => state === 'Running' || state === 'Soaking')
    .map(({ name, outcomes, total }) => `${name} ${thereIn(outcomes)} of ${total}`);
  const bad = failures.total > 0 ? [`${failures.total} failed`] : [];
  const away = deferred > 0 ? [`${deferred} deferred`] : [];
  return [...counts, ...bad, ...away].join(', ');
}
