/**
 * The Git protocol, on the thread of its own: list the refs of a remote, or fetch one commit at depth 1 into a bare
 * cache and read paths from it. The cache is only a cache: whatever is wrong with it, it is thrown away and made anew.
 */
import * as fs from 'node:fs';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import git from 'isomorphic-git';

import { encodeTree } from '../trees.ts';
import { gitHttp } from './http.ts';
import { historyBetween } from './history.ts';
import type { CommitMeta, GitOperation, Look, LookResult, ReadPath, Remote, Want } from './messages.ts';
import { ObjectStore, type ObjectMemory } from './objectStore.ts';
import { writePack } from './packFiles.ts';
import type { GitCommit } from './parseObject.ts';
import { problemOf } from './problems.ts';
import { readTree, TreeRefused, type GitObjects, type TreeLimits } from './readTree.ts';

type Http = ReturnType<typeof gitHttp>;

const isCommit = /^[0-9a-f]{40}$/;
/** Packs pile up by one a fetch; a fresh cache costs one full fetch. */
const packsMax = 24;
/** Beyond this many refs the server is asked for a list on its own, which it can narrow. */
const refsMax = 2000;
const depthAfterLoss = 50;

/** Refs that a repository had when it was last listed. */
const refCounts = new Map<string, number>();

/** Lists the refs, and fetches and reads what changed. One ref that fails leaves the others their result. */
export async function look(
  operation: GitOperation,
  signal: AbortSignal,
  memory: ObjectMemory,
): Promise<LookResult> {
  const { remote, cacheDir } = operation;
  const { repositoryId } = remote;
  const gitdir = join(cacheDir, repositoryId);
  const http = gitHttp(remote.allow, operation.limits, signal, async (pack, unpacked) => {
    await writePack(gitdir, pack, unpacked);
    for (const { oid, type, data } of unpacked.objects) memory.set(`${repositoryId}/${oid}`, { type, data });
  });
  try {
    const refs = await listRefs(remote, operation.wants, http);
    const looks: Look[] = [];
    for (const want of operation.wants)
      looks.push(await lookAt({ operation, http, gitdir, memory, signal }, want, refs));
    return { looks, cacheBytes: await sizeOf(gitdir) };
  } finally {
    await http.close();
  }
}

interface Context {
  operation: GitOperation;
  http: Http;
  gitdir: string;
  memory: ObjectMemory;
  signal: AbortSignal;
}

/** Full ref name → commit; annotated tags are peeled. */
async function listRefs(remote: Remote, wants: readonly Want[], http: Http): Promise<Map<string, string>> {
  const { repositoryId, url } = remote;
  // The first version of the protocol lists all refs in one request, and a fetch needs that list anyway.
  const protocolVersion = (refCounts.get(repositoryId) ?? 0) > refsMax ? 2 : 1;
  const [only, ...others] = wants;
  const prefix =
    protocolVersion === 2 && only !== undefined && others.length === 0 ? { prefix: only.ref } : {};
  const listed = await git.listServerRefs({
    http,
    url,
    headers: authorization(remote),
    protocolVersion,
    peelTags: true,
    ...prefix,
  });
  if (protocolVersion === 1) refCounts.set(repositoryId, listed.length);
  return new Map(listed.map(({ ref, oid, ...rest }) => [ref, (rest as { peeled?: string }).peeled ?? oid]));
}

async function lookAt(context: Context, want: Want, refs: ReadonlyMap<string, string>): Promise<Look> {
  const { ref } = want;
  const commit = isCommit.test(ref) ? ref : refs.get(ref);
  if (commit === undefined) return { ref, outcome: 'missing' };
  if (commit === want.have) return { ref, outcome: 'unchanged', commit };
  try {
    return await readFresh(context, want);
  } catch (error) {
    if (context.signal.aborted) throw error;
    const problem = problemOf(error);
    if (problem.kind === 'Missing') return { ref, outcome: 'missing' };
    return { ref, outcome: 'failed', problem };
  }
}

/** Whatever fails on a cache that was there is tried once without it: a torn pack, a flipped bit, a replaced history. */
async function readFresh(context: Context, want: Want): Promise<Look> {
  const hadCache = existsSync(join(context.gitdir, 'config'));
  try {
    return await fetchAndRead(context, want);
  } catch (error) {
    await rm(context.gitdir, { recursive: true, force: true });
    const { kind } = problemOf(error);
    if (!hadCache || context.signal.aborted || (kind !== 'Failed' && kind !== 'Refused')) throw error;
    return fetchAndRead(context, want);
  }
}

async function fetchAndRead({ operation, http, gitdir, memory }: Context, want: Want): Promise<Look> {
  const { remote, limits } = operation;
  await prepare(gitdir);
  const cache = {};
  const store = new ObjectStore({ repositoryId: remote.repositoryId, gitdir, memory, cache });
  const fetched = await fetchCommit(remote, want, http, gitdir, cache);
  // An annotated tag is an object of its own.
  const { oid: commit, ...parsed } = await store.commit(fetched);
  await store.saveCommit(commit);
  const paths: ReadPath[] = [];
  for (const path of want.paths) paths.push(await readPath(store, parsed.tree, path, limits));
  const parentsOf = (oid: string) =>
    store.commit(oid).then(
      (read) => read.parents,
      () => null,
    );
  const history = await historyBetween(want.last, commit, parentsOf);
  return { ref: want.ref, outcome: 'read', commit, meta: metaOf(parsed), paths, history };
}

async function prepare(gitdir: string): Promise<void> {
  const packs = await readdir(join(gitdir, 'objects', 'pack')).catch(() => []);
  if (packs.length > packsMax * 2) await rm(gitdir, { recursive: true, force: true });
  if (packs.length > 0 && packs.length <= packsMax * 2) return;
  await mkdir(gitdir, { recursive: true, mode: 0o700 });
  await git.init({ fs, gitdir, bare: true });
  await writeFile(
    join(gitdir, 'config'),
    '[core]\n\trepositoryformatversion = 0\n\tbare = true\n[remote "origin"]\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n',
  );
}

async function fetchCommit(
  remote: Remote,
  want: Want,
  http: Http,
  gitdir: string,
  cache: object,
): Promise<string> {
  const base = {
    fs,
    http,
    gitdir,
    cache,
    url: remote.url,
    remote: 'origin',
    tags: false,
    headers: authorization(remote),
  };
  if (isCommit.test(want.ref)) return fetchPinned(base, want.ref);
  // The local name is what a fetch says it has. With something to build on, no depth is asked for: a server that
  // cuts history anew sends every file again, one that continues it sends the difference.
  const ref = want.ref.replace(/^refs\/heads\//, 'refs/remotes/origin/');
  const known = await git.resolveRef({ fs, gitdir, ref }).catch(() => null);
  // A cache that was lost fetches so much history that a rewrite can be told from commits that were missed.
  const depth = known === null ? { depth: want.last === null ? 1 : depthAfterLoss } : {};
  const { fetchHead } = await git.fetch({ ...base, ...depth, ref, remoteRef: want.ref, singleBranch: true });
  if (fetchHead === null) throw new TreeRefused('the repository is empty');
  return fetchHead;
}

type FetchBase = Pick<
  Parameters<typeof git.fetch>[0],
  'fs' | 'http' | 'url' | 'remote' | 'tags' | 'headers'
> & {
  gitdir: string;
  cache: object;
};

/** Most servers give any commit by its id; from others, everything is fetched once, within the limits. */
async function fetchPinned(base: FetchBase, commit: string): Promise<string> {
  if (await has(base, commit)) return commit;
  try {
    await git.fetch({ ...base, ref: commit, remoteRef: commit, depth: 1, singleBranch: true });
    if (await has(base, commit)) return commit;
  } catch (error) {
    if ((error as { name?: string }).name === 'AbortError') throw error;
  }
  await git.fetch({ ...base, headers: { ...base.headers }, singleBranch: false });
  if (!(await has(base, commit))) throw Object.assign(new Error('no such commit'), { code: 'NotFoundError' });
  return commit;
}

async function has(base: FetchBase, oid: string): Promise<boolean> {
  return git.readCommit({ fs, gitdir: base.gitdir, oid, cache: base.cache }).then(
    () => true,
    () => false,
  );
}

async function readPath(
  objects: GitObjects,
  root: string,
  path: string,
  limits: TreeLimits,
): Promise<ReadPath> {
  try {
    return { path, ok: true, tree: encodeTree(await readTree(objects, root, path, limits)) };
  } catch (error) {
    if (error instanceof TreeRefused) return { path, ok: false, reason: error.message };
    throw error;
  }
}

function metaOf({ author, message, committedAtSeconds }: GitCommit): CommitMeta {
  return {
    author: author.name.slice(0, 200),
    email: author.email.slice(0, 200),
    message: message.slice(0, 2000),
    committedAt: new Date(committedAtSeconds * 1000).toISOString(),
  };
}

function authorization(remote: Remote): Record<string, string> {
  if (remote.credential === null) return {};
  const { username, password } = remote.credential;
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

async function sizeOf(gitdir: string): Promise<number> {
  const folder = join(gitdir, 'objects', 'pack');
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) bytes += (await stat(join(folder, name))).size;
  return bytes;
}
