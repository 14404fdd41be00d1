/** Ends early, without an error, when the signal aborts; leaves nothing behind at a signal that lives for long. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const woken = Promise.withResolvers<void>();
  const wake = () => woken.resolve();
  const timer = setTimeout(wake, signal.aborted ? 0 : ms);
  signal.addEventListener('abort', wake, { once: true });
  await woken.promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', wake);
}
