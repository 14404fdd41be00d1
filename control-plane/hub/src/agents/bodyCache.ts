/** Bodies by digest, bounded: one application's body goes to every cluster that has it, and is read and kept once. */
import type { Database } from '../platform/prisma.ts';
import { readBodies } from './desired.store.ts';

const bytesMax = 64 * 1024 * 1024;

export class BodyCache {
  private readonly bodies = new Map<string, Buffer>();
  private bytes = 0;
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** In the order of `digests`. @throws when one does not exist */
  async get(digests: readonly string[]): Promise<Buffer[]> {
    const missing = digests.filter((digest) => !this.bodies.has(digest));
    const read = missing.length === 0 ? new Map<string, Buffer>() : await readBodies(this.database, missing);
    const found = digests.map((digest) => {
      const body = read.get(digest) ?? this.bodies.get(digest);
      if (!body) throw new Error(`no body ${digest}`);
      return body;
    });
    for (const [digest, body] of read) this.keep(digest, body);
    return found;
  }

  private keep(digest: string, body: Buffer): void {
    if (this.bodies.has(digest)) return;
    this.bodies.set(digest, body);
    this.bytes += body.length;
    for (const [oldest, bytes] of this.bodies) {
      if (this.bytes <= bytesMax) return;
      this.bodies.delete(oldest);
      this.bytes -= bytes.length;
    }
  }
}
