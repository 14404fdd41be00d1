/** RFC 3339 in whole seconds, as the API shows times. */
export function isoOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
