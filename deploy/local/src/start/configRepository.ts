/** The sample's repository at the local Git server, and a clone of it in which a person can change things. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { GitAccount, GitServer } from '../git-server.ts';
import { REPOSITORY, sampleFiles } from './sample.ts';

const run = promisify(execFile);

/** File contents by path; null deletes a file. */
export type Files = Record<string, string | null>;

export interface ConfigRepository {
  /** Without the account. */
  url: string;
  /** Of the clone. */
  folder: string;
  /** The newest commit. */
  head: () => Promise<string>;
  /**
   * Commits and pushes as a person would, from a clone beside the person's own. `change` is given what reads a file as it
   * is on `main`. Returns the new commit.
   */
  push: (change: (read: ReadFile) => Promise<Change>) => Promise<string>;
}

export interface Change {
  message: string;
  files: Files;
}

/** '' for a file that is not there. */
export type ReadFile = (path: string) => Promise<string>;

export async function openConfigRepository(
  server: GitServer,
  account: GitAccount,
  dir: string,
): Promise<ConfigRepository> {
  const repository = await server.createRepository(REPOSITORY);
  const isNew = (await repository.resolve('refs/heads/main')) === undefined;
  if (isNew) await repository.commit({ files: sampleFiles(), message: 'Open the shop' });
  const url = server.urlOf(REPOSITORY);
  const folder = join(dir, 'config');
  if (!existsSync(join(folder, '.git'))) await clone(url, account, folder);
  return {
    url,
    folder,
    head: () => repository.head(),
    push: async (change) => {
      const own = join(dir, 'pushes');
      if (!existsSync(join(own, '.git'))) await clone(url, account, own);
      return pushFrom(own, change);
    },
  };
}

async function clone(url: string, { username, password }: GitAccount, folder: string): Promise<void> {
  const withAccount = url.replace('://', `://${username}:${password}@`);
  await run('git', ['clone', '--quiet', withAccount, folder]);
  const settings = { 'user.name': 'You', 'user.email': 'you@localhost', 'push.default': 'current' };
  for (const [name, value] of Object.entries(settings))
    await run('git', ['-C', folder, 'config', name, value]);
}

async function pushFrom(folder: string, change: (read: ReadFile) => Promise<Change>): Promise<string> {
  const git = async (...args: string[]) => (await run('git', ['-C', folder, ...args])).stdout.trim();
  await git('fetch', '--quiet');
  await git('reset', '--quiet', '--hard', 'origin/main');
  const { message, files } = await change((path) => readFile(join(folder, path), 'utf8').catch(() => ''));
  for (const [path, content] of Object.entries(files)) await put(join(folder, path), content);
  await git('add', '--all');
  await git('commit', '--quiet', '--allow-empty', `--message=${message}`);
  await git('push', '--quiet');
  return git('rev-parse', 'HEAD');
}

async function put(file: string, content: string | null): Promise<void> {
  if (content === null) return rm(file, { force: true });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
