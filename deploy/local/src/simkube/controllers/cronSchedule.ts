/**
 * Cron schedules as CronJobs have them: five fields, or a word as `@hourly`; in a time zone or in UTC. The library knows
 * more than Kubernetes does (seconds, `L`, `#`, `H`, words of its own), which is refused here first.
 */
import { CronExpressionParser } from 'cron-parser';

const WORDS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const NAMES = 'jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat'.split(' ');
const FIELD = new RegExp(`^(?:${NAMES.join('|')}|[\\d*?,/-])+$`, 'i');

declare const checked: unique symbol;
/** Text that was found to be a schedule. */
export type Schedule = string & { [checked]: true };

/** Undefined where the text is no schedule. */
export function parseSchedule(text: string): Schedule | undefined {
  const schedule = text.trim();
  const fields = schedule.split(/\s+/);
  const isPlain = fields.length === 5 && fields.every((field) => FIELD.test(field));
  if (!isPlain && !WORDS.includes(schedule)) return undefined;
  try {
    CronExpressionParser.parse(schedule);
    return schedule as Schedule;
  } catch {
    return undefined;
  }
}

/** The first time after `afterMs`. */
export function nextTimeMs(schedule: Schedule, afterMs: number, timeZone = 'UTC'): number {
  return CronExpressionParser.parse(schedule, { currentDate: new Date(afterMs), tz: timeZone })
    .next()
    .getTime();
}

/** The last time that is not after `nowMs`. */
export function lastTimeMs(schedule: Schedule, nowMs: number, timeZone = 'UTC'): number {
  // Times are whole seconds: those before the next second are those that have come.
  const currentDate = new Date((Math.floor(nowMs / 1_000) + 1) * 1_000);
  return CronExpressionParser.parse(schedule, { currentDate, tz: timeZone }).prev().getTime();
}
