/**
 * The objects of one repository: those that came last from memory, all others through the Git library from the packs on
 * disk. Memory is bounded over all repositories, and nobody but the repository that an object came from is given it.
 */
import * as fs from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

import git from 'isomorphic-git';

import { parseCommit, parseTree, type GitCommit } from './parseObject.ts';
import type { GitEntry, GitObjects } from './readTree.ts';
import type { GitObject, ObjectType } from './unpack.ts';

/** The last objects that came or were read, up to a number of bytes. */
export class ObjectMemory {
  readonly #bytesMax: number;
  readonly #objects = new Map<string, GitObject>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(key: string): GitObject | undefined {
    const held = this.#objects.get(key);
    if (held === undefined) return undefined;
    this.#objects.delete(key);
    this.#objects.set(key, held);
    return held;
  }

  set(key: string, object: GitObject): void {
    this.#bytes -= this.#objects.get(key)?.data.byteLength ?? 0;
    this.#objects.delete(key);
    this.#objects.set(key, object);
    this.#bytes += object.data.byteLength;
    for (const [oldest, { data }] of this.#objects) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#objects.delete(oldest);
      this.#bytes -= data.byteLength;
    }
  }
}

export interface ObjectStoreOptions {
  repositoryId: string;
  gitdir: string;
  memory: ObjectMemory;
  /** The Git library's own, of packs it has opened. */
  cache: object;
}

export class ObjectStore implements GitObjects {
  readonly #options: ObjectStoreOptions;

  constructor(options: ObjectStoreOptions) {
    this.#options = options;
  }

  /** An annotated tag gives the commit it points to. */
  async commit(oid: string): Promise<GitCommit & { oid: string }> {
    const held = this.#held(oid, 'commit');
    const parsed = held === null ? null : parseCommit(held);
    if (parsed !== null) return { ...parsed, oid };
    const { oid: commitOid, commit } = await git.readCommit(this.#from(oid));
    return {
      oid: commitOid,
      tree: commit.tree,
      parents: commit.parent,
      author: commit.author,
      committedAtSeconds: commit.committer.timestamp,
      message: commit.message,
    };
  }

  /** As a file of its own: what a fetch says it has is then found without opening a single pack. */
  async saveCommit(oid: string): Promise<void> {
    const data = this.#held(oid, 'commit');
    if (data === null) return;
    const folder = join(this.#options.gitdir, 'objects', oid.slice(0, 2));
    await mkdir(folder, { recursive: true });
    const object = Buffer.concat([Buffer.from(`commit ${data.byteLength}\0`), data]);
    await writeFile(join(folder, oid.slice(2)), deflateSync(object));
  }

  async tree(oid: string): Promise<GitEntry[]> {
    const held = this.#held(oid, 'tree');
    const parsed = held === null ? null : parseTree(held);
    return parsed ?? (await git.readTree(this.#from(oid))).tree;
  }

  async blob(oid: string): Promise<Uint8Array> {
    const held = this.#held(oid, 'blob');
    if (held !== null) return held;
    const { blob } = await git.readBlob(this.#from(oid));
    const data = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
    this.#options.memory.set(this.#key(oid), { type: 'blob', data });
    return data;
  }

  #held(oid: string, type: ObjectType): Buffer | null {
    const object = this.#options.memory.get(this.#key(oid));
    return object?.type === type ? object.data : null;
  }

  #key(oid: string): string {
    return `${this.#options.repositoryId}/${oid}`;
  }

  #from(oid: string) {
    const { gitdir, cache } = this.#options;
    return { fs, gitdir, oid, cache };
  }
}
