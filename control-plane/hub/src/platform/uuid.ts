/** Whether a text is a uuid in the one form that Postgres writes: what names something is looked for by its id only then. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}
