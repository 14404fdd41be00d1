/** Does work for each item, at most `max` at a time; all that began has ended when it resolves or throws. */
export async function concurrently<T>(
  items: readonly T[],
  max: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  let failed = false;
  const takeTurns = async () => {
    for (let item = waiting.shift(); item !== undefined && !failed; item = waiting.shift()) {
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const turns = Array.from({ length: Math.min(max, items.length) }, takeTurns);
  await Promise.allSettled(turns);
  await Promise.all(turns);
}
