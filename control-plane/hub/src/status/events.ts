/**
 * The event stream. `audit` events come in the order of the sealed chain with its number as id, so that a client
 * resumes exactly where it was cut; `status` events have no id, are coalesced to four a second and only say which
 * applications and clusters to read again. A slow reader is cut, not buffered for: it resumes.
 */
import type { FastifyReply } from 'fastify';
import type { Hints } from '../platform/hints.ts';
import type { Database } from '../platform/prisma.ts';
import { readHighestSeal, readSealedAfter, type SealedRow } from './events.store.ts';

export interface EventStreamOptions {
  database: Database;
  hints: Hints;
  /** Null: from now on. */
  lastEventId: bigint | null;
  /** False ends the stream: the token that opened it counts no longer. */
  stillAllowed: () => Promise<boolean>;
  signal: AbortSignal;
}

const pageSize = 200;
const coalesceMs = 250;
/** A lost hint, a dead connection and a revoked token are noticed within this time. */
const scanMs = 4_000;
const bufferedBytesMax = 1024 * 1024;

/** Serves one client until it leaves, falls behind, may no longer read, or the hub stops. */
export async function streamEvents(reply: FastifyReply, options: EventStreamOptions): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    connection: 'keep-alive',
    'x-accel-buffering': 'no',
  });
  const client = makeClient(raw);
  try {
    await serve(client, options);
  } finally {
    client.close();
    raw.end();
  }
}

interface Client {
  /** False: gone, or too far behind. */
  send(text: string): boolean;
  closed: Promise<void>;
  isClosed(): boolean;
  close(): void;
}

function makeClient(raw: FastifyReply['raw']): Client {
  const closed = Promise.withResolvers<void>();
  let isClosed = false;
  const close = () => {
    isClosed = true;
    closed.resolve();
  };
  raw.once('close', close);
  raw.on('error', close);
  return {
    send(text) {
      if (isClosed) return false;
      raw.write(text);
      if (raw.writableLength > bufferedBytesMax) close();
      return !isClosed;
    },
    closed: closed.promise,
    isClosed: () => isClosed,
    close,
  };
}

async function serve(client: Client, options: EventStreamOptions): Promise<void> {
  const { database, hints, signal } = options;
  let seq = options.lastEventId ?? (await readHighestSeal(database));
  let checkAtMs = performance.now() + scanMs;
  const changes = makeChanges(hints);
  client.send(`retry: 1000\n\n`);
  signal.addEventListener('abort', client.close, { once: true });
  try {
    while (!client.isClosed()) {
      seq = await sendAudit(client, database, seq);
      const status = changes.take();
      if (status) client.send(`event: status\ndata: ${JSON.stringify(status)}\n\n`);
      await Promise.race([changes.next(coalesceMs, scanMs), client.closed]);
      if (performance.now() < checkAtMs) continue;
      checkAtMs = performance.now() + scanMs;
      if (!(await isAlive(client, options))) return;
    }
  } finally {
    changes.close();
    signal.removeEventListener('abort', client.close);
  }
}

async function isAlive(client: Client, { stillAllowed }: EventStreamOptions): Promise<boolean> {
  return client.send(': still here\n\n') && (await stillAllowed());
}

async function sendAudit(client: Client, database: Database, after: bigint): Promise<bigint> {
  let seq = after;
  for (;;) {
    const rows = await readSealedAfter(database, seq, pageSize);
    for (const row of rows) {
      if (!client.send(`id: ${row.seq}\nevent: audit\ndata: ${JSON.stringify(eventOf(row))}\n\n`)) return seq;
      seq = row.seq;
    }
    if (rows.length < pageSize) return seq;
  }
}

function eventOf(row: SealedRow): object {
  return {
    seq: Number(row.seq),
    id: row.id,
    at: row.at.toISOString(),
    actor: { kind: row.actor_kind, id: row.actor_id },
    action: row.action,
    resource: { kind: row.resource_kind, id: row.resource_id, name: row.resource_name },
    projectId: row.project_id,
    reason: row.reason,
    outcome: row.outcome,
  };
}

interface StatusChange {
  applications: string[];
  clusters: string[];
}

/** Collects hints between two looks. */
function makeChanges(hints: Hints) {
  const applications = new Set<string>();
  const clusters = new Set<string>();
  let audit = false;
  let wake: () => void = () => undefined;
  const noting = (ids: Set<string>) => (more: string[]) => {
    for (const id of more) ids.add(id);
    wake();
  };
  const offs = [
    hints.on('status', noting(applications)),
    hints.on('rollout', noting(applications)),
    hints.on('session', noting(clusters)),
    hints.on('audit', () => {
      audit = true;
      wake();
    }),
  ];
  const isPending = () => audit || applications.size > 0 || clusters.size > 0;
  return {
    take(): StatusChange | null {
      audit = false;
      if (applications.size === 0 && clusters.size === 0) return null;
      // A session's hints name its cluster to everyone; only the rest are applications.
      const change = { applications: [...applications.difference(clusters)], clusters: [...clusters] };
      applications.clear();
      clusters.clear();
      return change;
    },
    /** Resolves `coalesce` after something came, or after `idle` without anything. */
    async next(coalesce: number, idle: number): Promise<void> {
      if (isPending() || (await this.wakeWithin(idle))) await pause(coalesce);
    },
    async wakeWithin(ms: number): Promise<boolean> {
      const woken = Promise.withResolvers<boolean>();
      wake = () => woken.resolve(true);
      const timer = setTimeout(() => woken.resolve(false), ms);
      const result = await woken.promise;
      clearTimeout(timer);
      wake = () => undefined;
      return result;
    },
    close() {
      for (const off of offs) off();
      wake();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
