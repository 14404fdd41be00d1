/**
 * Hints between replicas by NOTIFY: "look at these rows now". They are sent after commit, coalesced to one notification
 * a replica per 20 ms, and may be lost: every listener also scans. In the process that sends them they arrive at once, so that
 * a commit goes from stage to stage without waiting for company.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Logger } from './logger.ts';

export type HintKind =
  | 'cluster'
  | 'repository'
  | 'application'
  /** Of an application: its files moved, or a revision of it is to be rendered. Nothing of it is placed or assigned by that. */
  | 'source'
  | 'rollout'
  /** Of an application: a step was saved, so that what is counted of its targets may have moved. It is not looked at again by that. */
  | 'stepped'
  | 'session'
  | 'audit'
  | 'status'
  | 'command'
  | 'answer'
  | 'plan';

export interface HintsOptions {
  /** Of a connection that may LISTEN: not through a transaction pooler. */
  url: string;
  logger: Logger;
}

type Listener = (ids: string[]) => void;

const channel = 'flotilla_hints';
const coalesceMs = 20;
/** A notification's payload is at most 8,000 bytes. */
const idsPerNotification = 180;
const reconnectMs = 1000;
const roundTripTimeoutMs = 3000;

export class Hints {
  private readonly origin = randomUUID();
  private readonly listeners = new Map<HintKind, Set<Listener>>();
  private pending = new Map<HintKind, Set<string>>();
  private timer: NodeJS.Timeout | null = null;
  private flushedAtMs = -Infinity;
  private connection: pg.Client | null = null;
  private readonly proofs = new Map<string, () => void>();
  private notifying: Promise<unknown> = Promise.resolve();
  private closed = false;
  private readonly options: HintsOptions;
  /** False while notifications are known not to arrive: scans should be faster then. */
  working = false;

  constructor(options: HintsOptions) {
    this.options = options;
  }

  /** Listens, and proves by a round trip that notifications arrive. Never throws: without them scans do the work. */
  async start(): Promise<void> {
    try {
      await this.connect();
      this.working = await this.proveRoundTrip();
    } catch (error) {
      this.options.logger.warn({ err: error }, 'cannot listen for hints');
      this.scheduleReconnect();
    }
    if (!this.working)
      this.options.logger.warn('hints do not arrive: set DATABASE_DIRECT_URL; scanning faster');
  }

  send(kind: HintKind, ids: string[]): void {
    if (ids.length === 0 || this.closed) return;
    this.deliver(kind, ids);
    const pending = this.pending.get(kind) ?? new Set();
    for (const id of ids) pending.add(id);
    this.pending.set(kind, pending);
    // The first one after a silence leaves at once; what follows within 20 ms leaves together.
    const waitMs = Math.max(0, coalesceMs - (performance.now() - this.flushedAtMs));
    this.timer ??= setTimeout(() => this.flush(), waitMs);
  }

  /** Returns what ends the subscription. */
  on(kind: HintKind, listener: Listener): () => void {
    const listeners = this.listeners.get(kind) ?? new Set();
    listeners.add(listener);
    this.listeners.set(kind, listeners);
    return () => listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.flush();
    this.closed = true;
    const { connection } = this;
    this.connection = null;
    await this.notifying;
    await connection?.end().catch(() => undefined);
  }

  private flush(): void {
    const batch = this.pending;
    this.pending = new Map();
    this.timer = null;
    this.flushedAtMs = performance.now();
    const messages = [...batch].flatMap(([kind, ids]) =>
      inParts([...ids]).map((part) => ({ from: this.origin, kind, ids: part })),
    );
    if (messages.length > 0) this.notify(messages);
  }

  /** One statement at a time: a connection of pg takes no second one while it runs the first. */
  private notify(messages: object[]): void {
    const { connection } = this;
    if (!connection) return;
    this.notifying = this.notifying
      .then(() =>
        connection.query('SELECT pg_notify($1, message) FROM unnest($2::text[]) AS message', [
          channel,
          messages.map((message) => JSON.stringify(message)),
        ]),
      )
      .catch((error: unknown) => this.options.logger.debug({ err: error }, 'hint not sent'));
  }

  private deliver(kind: HintKind, ids: string[]): void {
    for (const listener of this.listeners.get(kind) ?? []) {
      try {
        listener(ids);
      } catch (error) {
        this.options.logger.error({ err: error, kind }, 'hint listener failed');
      }
    }
  }

  private async connect(): Promise<void> {
    const connection = new pg.Client({
      connectionString: this.options.url,
      application_name: 'flotilla-hub-hints',
      keepAlive: true,
      connectionTimeoutMillis: 5000,
    });
    connection.on('notification', ({ payload }) => this.receive(payload ?? ''));
    connection.on('error', () => this.onLost(connection));
    connection.on('end', () => this.onLost(connection));
    await connection.connect();
    await connection.query(`LISTEN ${channel}`);
    this.connection = connection;
  }

  private receive(payload: string): void {
    const message = parseNotification(payload);
    if (message === null) return;
    if (message.proof !== undefined) this.proofs.get(message.proof)?.();
    if (message.kind === undefined || message.from === this.origin) return;
    this.deliver(message.kind, message.ids ?? []);
  }

  private async proveRoundTrip(): Promise<boolean> {
    const proof = randomUUID();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), roundTripTimeoutMs);
    this.proofs.set(proof, () => resolve(true));
    this.notify([{ proof }]);
    const arrived = await promise;
    clearTimeout(timer);
    this.proofs.delete(proof);
    return arrived;
  }

  private onLost(connection: pg.Client): void {
    if (this.connection !== connection || this.closed) return;
    this.connection = null;
    this.working = false;
    connection.end().catch(() => undefined);
    this.options.logger.warn('connection for hints lost');
    this.scheduleReconnect();
  }

  private scheduleReconnect(): void {
    if (this.closed) return;
    setTimeout(() => {
      if (this.closed || this.connection !== null) return;
      this.start().catch(() => undefined);
    }, reconnectMs).unref();
  }
}

interface Notification {
  from?: string;
  kind?: HintKind;
  ids?: string[];
  proof?: string;
}

function parseNotification(payload: string): Notification | null {
  try {
    return JSON.parse(payload) as Notification;
  } catch {
    return null;
  }
}

function inParts(ids: string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < ids.length; at += idsPerNotification)
    parts.push(ids.slice(at, at + idsPerNotification));
  return parts;
}
