/** Values of flags: `key=value` pairs, durations, lists. Wrong ones are usage errors that show a right one. */
import { InvalidArgumentError } from 'commander';
import { CommandError, exitCodes } from './exit.ts';

export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** `env=prod`, repeated or comma-separated. */
export function pairs(texts: readonly string[]): Record<string, string> {
  const entries = texts
    .flatMap((text) => text.split(','))
    .filter((text) => text !== '')
    .map((text): [string, string] => {
      const at = text.indexOf('=');
      if (at <= 0) throw new CommandError(exitCodes.usage, `"${text}" is not key=value`, 'e.g. env=prod');
      return [text.slice(0, at), text.slice(at + 1)];
    });
  return Object.fromEntries(entries);
}

const duration = /^(\d+)(ms|s|m|h|d)$/;
const unitsMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `1h`, `7d` in milliseconds. */
export function durationMs(text: string): number {
  const match = duration.exec(text);
  const unit = match?.[2] === undefined ? undefined : unitsMs[match[2]];
  if (!match || unit === undefined)
    throw new InvalidArgumentError(`"${text}" is not a duration, e.g. 90s, 10m, 1h`);
  return Number(match[1]) * unit;
}

/** RFC 3339, or `2h` from now on; as RFC 3339 in UTC. */
export function moment(text: string, now: Date): string {
  return timeAround(text, now, 1);
}

/** RFC 3339, or `2h` before now; as RFC 3339 in UTC. */
export function past(text: string, now: Date): string {
  return timeAround(text, now, -1);
}

function timeAround(text: string, now: Date, sign: 1 | -1): string {
  if (!duration.test(text)) return timeOf(text);
  return new Date(now.getTime() + sign * durationMs(text)).toISOString();
}

function timeOf(text: string): string {
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime()))
    throw new CommandError(exitCodes.usage, `"${text}" is not a time`, 'e.g. 2026-11-24T15:00:00Z');
  return time.toISOString();
}

export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError(`"${text}" is not a positive number`);
  return Number(text);
}
