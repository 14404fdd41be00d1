/**
 * What happened, kept on the volume until the hub has it: numbered from 1 without gaps within an incarnation, in a ring
 * that is bounded. What the ring had to drop is counted and is itself a fact.
 *
 * The file is a header line and one line a fact; a torn last line is a fact that was never durable and is left out.
 */
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Fact, FactBody } from '@flotilla/domain/status/observed';
import type { Clock } from '../clock.ts';
import { asDiskError, DiskFullError, ensureFolder, readFileIfAny, writeFileDurably } from './disk.ts';

export interface FactRing {
  incarnation(): string;
  /** Number of the newest fact, 0 when there was none yet. */
  lastNumber(): number;
  /** Known at once; resolves when it survives a power cut. */
  append(body: FactBody): Promise<void>;
  /** Up to `countMax` facts not yet acked, oldest first. */
  pending(countMax: number): Fact[];
  acked(number: number): Promise<void>;
  /** A hub that knows a higher number has seen facts that this volume lost: numbering starts anew. */
  reincarnateIfBelow(number: number): Promise<void>;
  close(): Promise<void>;
}

interface Header {
  incarnation: string;
  /** Number of the last fact before the first line. */
  last: number;
}

interface Ring {
  file: string;
  clock: Clock;
  countMax: number;
  header: Header;
  facts: Fact[];
  last: number;
  /** Lines in the file, acked ones included. */
  lines: number;
  handle: FileHandle | null;
  /** The file may end in half a line, or lack some: it is written anew before anything is appended. */
  torn: boolean;
  unwritten: string[];
  working: Promise<void>;
}

export interface FactRingOptions {
  folder: string;
  clock: Clock;
  /** Facts kept while the hub is away, 10,000 by default. */
  countMax?: number;
}

export async function openFactRing(options: FactRingOptions): Promise<FactRing> {
  await ensureFolder(options.folder);
  const file = path.join(options.folder, 'facts');
  const read = readLines(await readFileIfAny(file));
  const ring: Ring = {
    file,
    clock: options.clock,
    countMax: options.countMax ?? 10_000,
    ...read,
    last: read.facts.at(-1)?.number ?? read.header.last,
    lines: read.facts.length,
    handle: null,
    torn: false,
    unwritten: [],
    working: Promise.resolve(),
  };
  // A full disk must not keep the agent from its cluster: what was read is known, and written when there is space.
  await rewrite(ring).catch((error: unknown) => {
    if (!(error instanceof DiskFullError)) throw error;
  });
  return {
    incarnation: () => ring.header.incarnation,
    lastNumber: () => ring.last,
    append: (body) => append(ring, body),
    pending: (countMax) => ring.facts.slice(0, countMax),
    acked: (number) => acked(ring, number),
    reincarnateIfBelow: (number) => reincarnate(ring, number),
    close: async () => {
      await ring.working.catch(() => undefined);
      await ring.handle?.close();
      ring.handle = null;
    },
  };
}

function readLines(bytes: Buffer | null): { header: Header; facts: Fact[] } {
  const fresh: Header = { incarnation: randomUUID(), last: 0 };
  const parsed: unknown[] = [];
  for (const line of bytes?.toString('utf8').split('\n') ?? []) {
    try {
      parsed.push(JSON.parse(line));
    } catch {
      break;
    }
  }
  const [header, ...facts] = parsed;
  return header === undefined
    ? { header: fresh, facts: [] }
    : { header: header as Header, facts: facts as Fact[] };
}

function append(ring: Ring, body: FactBody): Promise<void> {
  add(ring, body);
  if (ring.facts.length > ring.countMax) dropOldest(ring);
  return settle(ring, flush);
}

function add(ring: Ring, body: FactBody): void {
  ring.last += 1;
  const fact: Fact = { number: ring.last, at: new Date(ring.clock.nowMs()).toISOString(), ...body };
  ring.facts.push(fact);
  ring.unwritten.push(`${JSON.stringify(fact)}\n`);
}

/** A tenth at a time, so that a long outage writes one overflow fact per thousand and not one per fact. */
function dropOldest(ring: Ring): void {
  const gone = ring.facts.splice(0, Math.max(1, Math.floor(ring.countMax / 10)));
  const before = gone.reduce((sum, fact) => sum + (fact.type === 'Overflow' ? fact.dropped : 1), 0);
  add(ring, { type: 'Overflow', dropped: before });
}

async function acked(ring: Ring, number: number): Promise<void> {
  const keep = ring.facts.findIndex((fact) => fact.number > number);
  const gone = keep === -1 ? ring.facts.length : keep;
  if (gone === 0) return;
  ring.facts.splice(0, gone);
  if (ring.lines > 2 * ring.facts.length + 100) await settle(ring, rewrite);
}

async function reincarnate(ring: Ring, number: number): Promise<void> {
  if (ring.last >= number) return;
  ring.header = { incarnation: randomUUID(), last: 0 };
  ring.facts = ring.facts.map((fact, index) => ({ ...fact, number: index + 1 }));
  ring.last = ring.facts.length;
  await settle(ring, rewrite);
}

/** One write at a time; a failed one is told to its caller and does not stop the next. */
function settle(ring: Ring, work: (ring: Ring) => Promise<void>): Promise<void> {
  const next = ring.working.catch(() => undefined).then(() => work(ring));
  ring.working = next;
  next.catch(() => undefined);
  return next;
}

async function flush(ring: Ring): Promise<void> {
  const lines = ring.unwritten.splice(0);
  if (lines.length === 0) return;
  if (ring.torn || ring.lines + lines.length > 3 * ring.countMax) return rewrite(ring);
  try {
    ring.handle ??= await open(ring.file, 'a', 0o600);
    await ring.handle.appendFile(lines.join(''));
    await ring.handle.datasync();
    ring.lines += lines.length;
  } catch (error) {
    ring.torn = true;
    throw asDiskError(ring.file, error);
  }
}

async function rewrite(ring: Ring): Promise<void> {
  await ring.handle?.close();
  ring.handle = null;
  ring.torn = true;
  ring.unwritten = [];
  const first = ring.facts[0];
  const header: Header = { ...ring.header, last: first === undefined ? ring.last : first.number - 1 };
  const lines = [header, ...ring.facts].map((line) => `${JSON.stringify(line)}\n`);
  await writeFileDurably(ring.file, Buffer.from(lines.join('')));
  ring.header = header;
  ring.lines = ring.facts.length;
  ring.torn = false;
}
