/** Looks until it holds; past the bound fails with what it saw last. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  boundMs = 30_000,
): Promise<NonNullable<T>> {
  const untilMs = performance.now() + boundMs;
  let last: unknown = null;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    if (performance.now() > untilMs)
      throw new Error(`not within ${boundMs} ms: ${what}; last saw ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
