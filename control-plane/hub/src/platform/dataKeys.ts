/**
 * Data keys of projects, which encrypt bundles at rest. The project's row has them wrapped by the hub's key; unwrapped
 * ones are cached. What is sealed here is compressed first, and bound to project and digest.
 */
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { decrypt, encrypt, keyVersionOf, type Envelope, type EnvelopePlace } from './envelope.ts';
import type { Database } from './prisma.ts';

/** What a project's bundles are made of, and what plans say of them. */
export type FrameTable = 'frames' | 'bundles' | 'plan_diffs';

export interface WrappedDataKey {
  dataKey: Uint8Array<ArrayBuffer>;
  dataKeyVersion: number;
}

export interface SealedFrame {
  data: Uint8Array<ArrayBuffer>;
  keyVersion: number;
}

export class DataKeyError extends Error {
  override readonly name = 'DataKeyError';
  readonly projectId: string;

  constructor(projectId: string, problem: string) {
    super(`data key of project ${projectId}: ${problem}`);
    this.projectId = projectId;
  }
}

interface KeyRing {
  newest: number;
  keys: Map<number, Buffer>;
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const ringsMax = 1000;

export class DataKeys {
  private readonly rings = new Map<string, Promise<KeyRing>>();
  private readonly database: Database;
  private readonly envelope: Envelope;

  constructor(database: Database, envelope: Envelope) {
    this.database = database;
    this.envelope = envelope;
  }

  /** A first data key for a project that is about to be inserted under this id. */
  create(projectId: string): WrappedDataKey {
    const keys = { 1: randomBytes(32).toString('base64') };
    const sealed = this.envelope.seal(placeOf(projectId), Buffer.from(JSON.stringify(keys)));
    return { dataKey: sealed.bytes, dataKeyVersion: 1 };
  }

  /** Compressed, then encrypted. `digest` is of the uncompressed bytes. */
  async seal(projectId: string, table: FrameTable, digest: string, plain: Uint8Array): Promise<SealedFrame> {
    const ring = await this.ring(projectId);
    const packed = await compress(plain);
    return {
      data: encrypt(keyOf(projectId, ring, ring.newest), ring.newest, aad(projectId, table, digest), packed),
      keyVersion: ring.newest,
    };
  }

  /** The uncompressed bytes; never more than `bytesMax`. @throws when they were not sealed for this project and digest */
  async open(
    projectId: string,
    table: FrameTable,
    digest: string,
    data: Uint8Array,
    bytesMax = 64 * 1024 * 1024,
  ): Promise<Buffer> {
    const version = keyVersionOf(data);
    let ring = await this.ring(projectId);
    if (!ring.keys.has(version)) {
      this.rings.delete(projectId);
      ring = await this.ring(projectId);
    }
    const packed = decrypt(keyOf(projectId, ring, version), aad(projectId, table, digest), data);
    return decompress(packed, { maxOutputLength: bytesMax });
  }

  private ring(projectId: string): Promise<KeyRing> {
    const cached = this.rings.get(projectId);
    if (cached) return cached;
    if (this.rings.size >= ringsMax) this.rings.clear();
    const loading = this.load(projectId);
    this.rings.set(projectId, loading);
    loading.catch(() => this.rings.delete(projectId));
    return loading;
  }

  private async load(projectId: string): Promise<KeyRing> {
    const [row] = await this.database.query<{ data_key: Buffer; data_key_version: number }>(
      'SELECT data_key, data_key_version FROM projects WHERE id = $1::uuid',
      [projectId],
    );
    if (!row) throw new DataKeyError(projectId, 'there is no such project');
    const text = this.envelope.open(placeOf(projectId), row.data_key).toString();
    const entries = Object.entries(JSON.parse(text) as Record<string, string>);
    const keys = new Map(entries.map(([version, key]) => [Number(version), Buffer.from(key, 'base64')]));
    return { newest: row.data_key_version, keys };
  }
}

function keyOf(projectId: string, ring: KeyRing, version: number): Buffer {
  const key = ring.keys.get(version);
  if (key === undefined) throw new DataKeyError(projectId, `there is no version ${version}`);
  return key;
}

function placeOf(projectId: string): EnvelopePlace {
  return { table: 'projects', row: projectId, column: 'data_key' };
}

function aad(projectId: string, table: FrameTable, digest: string): string {
  return `${table}|${projectId}/${digest}|data`;
}
