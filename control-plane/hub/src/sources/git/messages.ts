/** What goes between the hub's thread and the thread that speaks Git: plain data, copied. */
import type { EncodedTree } from '../trees.ts';
import type { GitHttpLimits } from './http.ts';
import type { TreeLimits } from './readTree.ts';

export interface GitCredential {
  username: string;
  password: string;
}

export interface Remote {
  /** Names the cache; a repository's objects serve no other. */
  repositoryId: string;
  url: string;
  credential: GitCredential | null;
  allow: readonly string[];
}

export interface Want {
  /** A full name (`refs/heads/main`, `refs/tags/v1`) or a commit. */
  ref: string;
  /** Commit of which nothing more is needed; null: none. Where the ref still points there, nothing is fetched. */
  have: string | null;
  /** Commit that the ref was last seen at; null: never. */
  last: string | null;
  paths: string[];
}

export interface GitOperation {
  remote: Remote;
  wants: Want[];
  limits: GitHttpLimits & TreeLimits;
  cacheDir: string;
}

export interface CommitMeta {
  author: string;
  email: string;
  message: string;
  committedAt: string;
}

export type ReadPath = { path: string } & ({ ok: true; tree: EncodedTree } | { ok: false; reason: string });

/**
 * From the last commit to the new one: built upon it, or written anew without it. Unknown where history was not
 * fetched that far back.
 */
export type History = 'first' | 'same' | 'continued' | 'rewritten' | 'unknown';

/** What one look found of one ref. A commit may be newer than the list of refs said: it is the one that was read. */
export type Look = { ref: string } & (
  | { outcome: 'unchanged'; commit: string }
  | { outcome: 'read'; commit: string; meta: CommitMeta; paths: ReadPath[]; history: History }
  | { outcome: 'missing' }
  | { outcome: 'failed'; problem: GitProblem }
);

export interface LookResult {
  looks: Look[];
  /** Size of the repository's cache afterwards. */
  cacheBytes: number;
}

export type ToWorker = { type: 'run'; id: number; operation: GitOperation } | { type: 'abort'; id: number };

export type FromWorker =
  { type: 'done'; id: number; result: LookResult } | { type: 'failed'; id: number; problem: GitProblem };

/** Told apart so that one place decides on words and on trying again. */
export interface GitProblem {
  kind: 'Unreachable' | 'Unauthorized' | 'NotARepository' | 'Refused' | 'Missing' | 'Timeout' | 'Failed';
  message: string;
}
