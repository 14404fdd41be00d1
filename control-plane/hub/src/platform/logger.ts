/** Structured logs on stderr, a child per subsystem. Messages are constant, data goes into fields, credentials never appear. */
import { destination, pino, type Logger } from 'pino';

export type { Logger } from 'pino';

const secretFields = [
  'authorization',
  'cookie',
  'password',
  'token',
  'secret',
  'credential',
  'privateKey',
  'dataKey',
];

export class Loggers {
  readonly root: Logger;

  constructor(level: string) {
    // Stdout's first line belongs to whoever waits for the hub to be ready.
    const stderr = destination({ dest: 2, sync: true });
    this.root = pino(
      { level, base: null, redact: redactedPaths(), serializers: { err: describeError } },
      stderr,
    );
  }

  /** A logger whose lines name the subsystem. */
  for(subsystem: string): Logger {
    return this.root.child({ subsystem });
  }
}

function redactedPaths(): string[] {
  return secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
}

/** What of an error helps to find it; nothing that a driver hung on it, since queries carry values. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    ...(typeof code === 'string' && { code }),
    stack,
    ...(cause !== undefined && { cause: describeError(cause) }),
  };
}
