/** The sample's repository at the local Git server, and a clone of it in which a person can change things. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { GitAccount, GitServer } from '../git-server.ts';
import { REPOSITORY, sampleFiles } from './sample.ts';

const run = promisify(execFile);

export interface ConfigRepository {
  /** Without the account. */
  url: string;
  /** Of the clone. */
  folder: string;
  /** The newest commit. */
  head: () => Promise<string>;
}

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
  return { url, folder, head: () => repository.head() };
}

async function clone(url: string, { username, password }: GitAccount, folder: string): Promise<void> {
  const withAccount = url.replace('://', `://${username}:${password}@`);
  await run('git', ['clone', '--quiet', withAccount, folder]);
  const settings = { 'user.name': 'You', 'user.email': 'you@localhost', 'push.default': 'current' };
  for (const [name, value] of Object.entries(settings))
    await run('git', ['-C', folder, 'config', name, value]);
}
