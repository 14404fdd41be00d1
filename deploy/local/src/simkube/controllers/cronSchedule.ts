/** Cron schedules: five fields with names, ranges, lists and steps, or a word as `@hourly`; in a time zone or in UTC. */

const WORDS: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');
const DAY_MS = 86_400_000;
/** Leap days of a schedule are at most eight years apart. */
const DAYS_MAX = 366 * 9;

export interface Schedule {
  minutes: number[];
  hours: number[];
  days: Set<number>;
  months: Set<number>;
  weekdays: Set<number>;
  /** Where both days are restricted, either is enough. */
  isEitherDay: boolean;
}

/** Undefined where the text is no schedule. */
export function parseSchedule(text: string): Schedule | undefined {
  const fields = (WORDS[text.trim()] ?? text).trim().split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (fields.length !== 5 || !minute || !hour || !day || !month || !weekday) return undefined;
  const minutes = valuesOf(minute, 0, 59);
  const hours = valuesOf(hour, 0, 23);
  const days = valuesOf(day, 1, 31);
  const months = valuesOf(month, 1, 12, MONTHS, 1);
  const weekdays = valuesOf(weekday, 0, 7, DAYS, 0);
  if (!minutes || !hours || !days || !months || !weekdays) return undefined;
  return {
    minutes,
    hours,
    days: new Set(days),
    months: new Set(months),
    weekdays: new Set(weekdays.map((value) => value % 7)),
    isEitherDay: !isOpen(day) && !isOpen(weekday),
  };
}

function isOpen(field: string): boolean {
  return field.startsWith('*') || field.startsWith('?');
}

function valuesOf(
  field: string,
  min: number,
  max: number,
  names: readonly string[] = [],
  firstName = 0,
): number[] | undefined {
  const values = new Set<number>();
  for (const part of field.toLowerCase().split(',')) {
    const [range = '', step] = part.split('/');
    const every = step === undefined ? 1 : Number(step);
    const [from, to] = isOpen(range)
      ? [min, max]
      : range.split('-').map((end) => numberOf(end, names, firstName));
    const last = to ?? (step === undefined ? from : max);
    if (from === undefined || last === undefined) return undefined;
    if (!(Number.isInteger(every) && every > 0 && from >= min && last <= max && from <= last))
      return undefined;
    for (let value = from; value <= last; value += every) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function numberOf(text: string, names: readonly string[], firstName: number): number {
  const named = names.indexOf(text);
  if (named >= 0) return named + firstName;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** The first time after `afterMs`; undefined where there is none. */
export function nextTimeMs(schedule: Schedule, afterMs: number, timeZone = 'UTC'): number | undefined {
  const wallMs = (Math.floor(afterMs / 60_000) + 1) * 60_000 + offsetMs(afterMs, timeZone);
  const firstDayMs = Math.floor(wallMs / DAY_MS) * DAY_MS;
  for (let day = 0; day < DAYS_MAX; day++) {
    const dayMs = firstDayMs + day * DAY_MS;
    if (!hasDay(schedule, new Date(dayMs))) continue;
    const time = schedule.hours
      .flatMap((hour) => schedule.minutes.map((minute) => dayMs + hour * 3_600_000 + minute * 60_000))
      .find((candidate) => candidate >= wallMs);
    if (time === undefined) continue;
    return time - offsetMs(time - offsetMs(time, timeZone), timeZone);
  }
  return undefined;
}

function hasDay({ days, months, weekdays, isEitherDay }: Schedule, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const isDay = days.has(date.getUTCDate());
  const isWeekday = weekdays.has(date.getUTCDay());
  return isEitherDay ? isDay || isWeekday : isDay && isWeekday;
}

/** How far the zone's clocks are ahead of UTC then. */
function offsetMs(atMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(atMs / 60_000) * 60_000;
}
