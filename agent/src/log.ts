/** What the agent asks of a logger: constant messages, data in fields. pino fits as it is. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** Swallows everything: for tests. */
export function silentLog(): Log {
  const swallow = (): void => undefined;
  return { debug: swallow, info: swallow, warn: swallow, error: swallow };
}
