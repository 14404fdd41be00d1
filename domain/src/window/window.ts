/**
 * Sync windows: when new assignments may go out. Windows allow or deny, as in Argo CD: while one denies nothing goes; where
 * any allows, one of these must be active; without windows everything may. What runs is never stalled, and self-heal goes on.
 */
import { CronExpressionParser } from 'cron-parser';
import { formatDuration, parseDuration } from '../rollout/duration.ts';

export interface Window {
  kind: 'allow' | 'deny';
  /** Five fields of cron: when it begins. */
  schedule: string;
  durationMs: number;
  /** IANA name, such as `Europe/Berlin`. */
  timeZone: string;
  /** A person may sync although it is closed. */
  manualSync: boolean;
}

export interface WindowVerdict {
  isOpen: boolean;
  /** A person's sync may go out although automation may not. */
  isOpenToPeople: boolean;
  /** When the verdict may change, in ms; null: never. */
  untilMs: number | null;
  /** For people: which window decides; '' where none does. */
  reason: string;
}

export type ParsedWindow = { ok: true; window: Window } | { ok: false; field: string; message: string };

const fields = ['kind', 'schedule', 'duration', 'timeZone', 'manualSync'];
/** Longer ones would be no windows but states. */
const durationMaxMs = 366 * 86_400_000;

/** What a person wrote: `{kind: deny, schedule: "0 22 * * 5", duration: 60h, timeZone: Europe/Berlin}`. */
export function parseWindow(input: Record<string, unknown>, kindByDefault: Window['kind']): ParsedWindow {
  const unknown = Object.keys(input).find((name) => !fields.includes(name));
  if (unknown !== undefined) return problem(unknown, 'is not a field of a window');
  const { kind = kindByDefault, schedule, duration, timeZone = 'UTC', manualSync = false } = input;
  if (kind !== 'allow' && kind !== 'deny') return problem('kind', 'must be allow or deny');
  const durationMs = typeof duration === 'string' ? parseDuration(duration) : null;
  if (durationMs === null || durationMs < 60_000 || durationMs > durationMaxMs)
    return problem('duration', 'must be a duration from 1m to 366d, such as "8h"');
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone))
    return problem('timeZone', 'must be the name of a time zone, such as "Europe/Berlin"');
  if (typeof manualSync !== 'boolean') return problem('manualSync', 'must be true or false');
  if (typeof schedule !== 'string' || !isSchedule(schedule, timeZone))
    return problem('schedule', 'must be five fields of cron, such as "0 8 * * 1-5", that come to pass');
  return { ok: true, window: { kind, schedule, durationMs, timeZone, manualSync } };
}

export function judgeWindows(windows: readonly Window[], nowMs: number): WindowVerdict {
  const times = windows.map((window) => ({ window, activeUntilMs: activeUntil(window, nowMs) }));
  const untilMs = earliest(times.map((one) => one.activeUntilMs ?? nextStart(one.window, nowMs)));
  const denying = times.find(({ window, activeUntilMs }) => window.kind === 'deny' && activeUntilMs !== null);
  if (denying !== undefined) return closed(denying.window, untilMs);
  const allowing = windows.filter(({ kind }) => kind === 'allow');
  const [first] = allowing;
  if (first === undefined) return { isOpen: true, isOpenToPeople: true, untilMs, reason: '' };
  const active = times.find(({ window, activeUntilMs }) => window.kind === 'allow' && activeUntilMs !== null);
  if (active !== undefined)
    return { isOpen: true, isOpenToPeople: true, untilMs, reason: describeWindow(active.window) };
  const isOpenToPeople = allowing.some(({ manualSync }) => manualSync);
  return { ...closed(first, untilMs), isOpenToPeople };
}

export function describeWindow({ kind, schedule, durationMs, timeZone }: Window): string {
  return `${kind === 'allow' ? 'allows' : 'denies'} from ${schedule} for ${formatDuration(durationMs)}, ${timeZone}`;
}

/** When what is active now ends; null: it is not. Starts that overlap count as one. */
export function activeUntil({ schedule, durationMs, timeZone }: Window, nowMs: number): number | null {
  // `prev` is strictly before: a window that starts now is active.
  const startMs = CronExpressionParser.parse(schedule, { currentDate: nowMs + 1, tz: timeZone })
    .prev()
    .getTime();
  return startMs + durationMs > nowMs ? startMs + durationMs : null;
}

function nextStart({ schedule, timeZone }: Window, nowMs: number): number {
  return CronExpressionParser.parse(schedule, { currentDate: nowMs, tz: timeZone }).next().getTime();
}

function closed(window: Window, untilMs: number | null): WindowVerdict {
  return { isOpen: false, isOpenToPeople: window.manualSync, untilMs, reason: describeWindow(window) };
}

function earliest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Seconds, names such as `@daily`, and `H`, which means another time on each call, are not for windows. */
function isSchedule(text: string, timeZone: string): boolean {
  if (!/^[\d*?,/A-GI-Z#-]+( [\d*?,/A-GI-Z#-]+){4}$/i.test(text)) return false;
  try {
    const cron = CronExpressionParser.parse(text, { currentDate: 0, tz: timeZone });
    return cron.next().getTime() > 0;
  } catch {
    return false;
  }
}

function problem(field: string, message: string): ParsedWindow {
  return { ok: false, field, message };
}
