/** What `npm start` tells people, on stderr: stdout is for data. */
import pc from 'picocolors';

export function say(text = ''): void {
  process.stderr.write(`${text}\n`);
}

/** One line when it is done, with how long it took; nothing is printed of what fails, its error says it. */
export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`${pc.green('✓')} ${what} ${pc.dim(`${seconds} s`)}`);
  return result;
}
