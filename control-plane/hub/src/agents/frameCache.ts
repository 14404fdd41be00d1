/** Uncompressed frames and indexes, bounded, each read and decrypted once however many agents ask at one time. */
import type { DataKeys, FrameTable } from '../platform/dataKeys.ts';

const bytesMax = 64 * 1024 * 1024;

export class FrameCache {
  private readonly entries = new Map<string, Promise<Buffer | null>>();
  private readonly sizes = new Map<string, number>();
  private bytes = 0;
  private readonly dataKeys: DataKeys;

  constructor(dataKeys: DataKeys) {
    this.dataKeys = dataKeys;
  }

  /** `read` gives the row's bytes; null: there is no row. */
  get(
    { projectId, table, digest }: { projectId: string; table: FrameTable; digest: string },
    read: () => Promise<Buffer | null>,
  ): Promise<Buffer | null> {
    const key = `${table}/${projectId}/${digest}`;
    const cached = this.entries.get(key);
    if (cached) {
      this.entries.delete(key);
      this.entries.set(key, cached);
      return cached;
    }
    const loading = this.load(read, (data) => this.dataKeys.open(projectId, table, digest, data));
    this.entries.set(key, loading);
    loading.then(
      (plain) => (plain === null ? this.entries.delete(key) : this.settle(key, plain.length)),
      () => this.entries.delete(key),
    );
    return loading;
  }

  private async load(
    read: () => Promise<Buffer | null>,
    open: (data: Buffer) => Promise<Buffer>,
  ): Promise<Buffer | null> {
    const data = await read();
    return data === null ? null : open(data);
  }

  private settle(key: string, size: number): void {
    this.sizes.set(key, size);
    this.bytes += size;
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= bytesMax) return;
      this.entries.delete(oldest);
      this.bytes -= this.sizes.get(oldest) ?? 0;
      this.sizes.delete(oldest);
    }
  }
}
