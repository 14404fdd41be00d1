/** Durations as people write them: `90s`, `30m`, `1h30m`, `2d`. */

const unitsMs: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };

/** Milliseconds; null for what is no duration. Each unit at most once, from the greatest down. */
export function parseDuration(text: string): number | null {
  const match = /^(?=.)(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/.exec(text);
  if (match === null) return null;
  return Object.values(unitsMs).reduce((sum, unitMs, at) => sum + Number(match[at + 1] ?? 0) * unitMs, 0);
}

/** The two greatest units that are not zero, `0s` for less than a second. */
export function formatDuration(durationMs: number): string {
  let leftMs = Math.max(0, durationMs);
  const parts: string[] = [];
  for (const [unit, unitMs] of Object.entries(unitsMs)) {
    const count = Math.floor(leftMs / unitMs);
    leftMs -= count * unitMs;
    if (count > 0 && parts.length < 2) parts.push(`${count}${unit}`);
  }
  return parts.length === 0 ? '0s' : parts.join('');
}
