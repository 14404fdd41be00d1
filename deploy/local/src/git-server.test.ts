import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGitServer, type GitServer } from './git-server.ts';
import type { GitRepository } from './git/repository.ts';

const run = promisify(execFile);
const quiet = { env: { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' } };
const account = { username: 'fleet', password: 's3cret' };

describe('the Git server', () => {
  let dir: string;
  let server: GitServer;
  let repository: GitRepository;
  let isDown = false;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-git-'));
    server = await startGitServer({ dir, account, decide: () => (isDown ? { status: 500 } : 'serve') });
    repository = await server.createRepository('config');
  });

  afterAll(async () => {
    await server.stop();
    await rm(dir, { recursive: true });
  });

  const url = () => server.urlOf('config').replace('://', `://${account.username}:${account.password}@`);
  const clone = async (name: string, ...args: string[]) => {
    const folder = join(dir, name);
    await run('git', ['clone', '--quiet', ...args, url(), folder], quiet);
    return folder;
  };

  test('serves what was committed without a clone, at the commit that was named', async () => {
    const first = await repository.commit({ files: { 'a/x.yaml': 'x: 1\n', 'b.yaml': 'ü\n' } });
    const second = await repository.commit({ files: { 'a/x.yaml': 'x: 2\n', 'b.yaml': null } });
    const folder = await clone('served');
    expect((await run('git', ['-C', folder, 'log', '--format=%H'], quiet)).stdout.trim().split('\n')).toEqual(
      [second, first],
    );
    expect(await readFile(join(folder, 'a/x.yaml'), 'utf8')).toBe('x: 2\n');
    await expect(readFile(join(folder, 'b.yaml'))).rejects.toThrow('ENOENT');
  });

  test('takes pushes', async () => {
    await repository.commit({ files: { 'pushed.yaml': 'x: 1\n' } });
    const folder = await clone('pushing');
    await writeFile(join(folder, 'pushed.yaml'), 'x: 2\n');
    const as = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
    await run('git', ['-C', folder, ...as, 'commit', '--quiet', '-am', 'change'], quiet);
    await run('git', ['-C', folder, 'push', '--quiet'], quiet);
    const { stdout } = await run('git', ['-C', folder, 'rev-parse', 'HEAD'], quiet);
    expect(await repository.head()).toBe(stdout.trim());
  });

  test('a forced commit starts the branch anew, and a deleted branch is gone', async () => {
    await repository.commit({ branch: 'other', files: { 'x.yaml': '1' } });
    const forced = await repository.commit({ branch: 'other', files: { 'y.yaml': '2' }, force: true });
    const folder = await clone('forced', '--branch=other');
    const log = await run('git', ['-C', folder, 'log', '--format=%H'], quiet);
    expect(log.stdout.trim()).toBe(forced);
    await repository.deleteBranch('other');
    await expect(repository.head('other')).rejects.toThrow('no branch other');
  });

  test('turns away who has no account', async () => {
    const wrong = url().replace(account.password, 'wrong');
    await expect(run('git', ['ls-remote', wrong], quiet)).rejects.toThrow(/Authentication failed/);
  });

  test('a server that is down says so to clients', async () => {
    isDown = true;
    await expect(run('git', ['ls-remote', url()], quiet)).rejects.toThrow(/500/);
    isDown = false;
    await expect(run('git', ['ls-remote', url()], quiet)).resolves.toBeDefined();
  });
});
