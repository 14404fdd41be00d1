/** A bare repository and commits to it without a clone, for sample configuration and tests. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CommitOptions {
  /** `main` where left out. */
  branch?: string;
  message?: string;
  /** File contents by path; null deletes a file or a folder. */
  files: Record<string, string | null>;
  /** Nothing of the earlier tree stays. */
  replace?: boolean;
  /** Starts the branch anew, as a force-push of an unrelated history does. */
  force?: boolean;
}

export class GitError extends Error {
  override readonly name = 'GitError';
}

const AUTHOR = 'Flotilla <flotilla@localhost>';
const ENV = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };

export class GitRepository {
  readonly name: string;
  readonly gitDir: string;

  constructor(name: string, gitDir: string) {
    this.name = name;
    this.gitDir = gitDir;
  }

  /** The one that exists, else a new one, into which clients may push. */
  static async create(dir: string, name: string): Promise<GitRepository> {
    const gitDir = join(dir, `${name}.git`);
    if (!existsSync(join(gitDir, 'HEAD'))) {
      await mkdir(gitDir, { recursive: true });
      await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', gitDir], { env: gitEnv() });
      await run('git', ['--git-dir', gitDir, 'config', 'http.receivepack', 'true'], { env: gitEnv() });
    }
    return new GitRepository(name, gitDir);
  }

  /** The new commit's hash. */
  async commit(options: CommitOptions): Promise<string> {
    const ref = `refs/heads/${options.branch ?? 'main'}`;
    const parent = options.force === true ? undefined : await this.resolve(ref);
    await this.#fastImport(importStream(ref, parent, options));
    return this.head(options.branch);
  }

  async head(branch = 'main'): Promise<string> {
    const commit = await this.resolve(`refs/heads/${branch}`);
    if (commit === undefined) throw new GitError(`${this.name} has no branch ${branch}`);
    return commit;
  }

  async deleteBranch(branch: string): Promise<void> {
    await this.#git('update-ref', '-d', `refs/heads/${branch}`);
  }

  async tag(name: string, commit: string): Promise<void> {
    await this.#git('update-ref', `refs/tags/${name}`, commit);
  }

  async resolve(ref: string): Promise<string | undefined> {
    return this.#git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`).then(
      (text) => text.trim(),
      () => undefined,
    );
  }

  async #git(...args: string[]): Promise<string> {
    const { stdout } = await run('git', ['--git-dir', this.gitDir, ...args], { env: gitEnv() });
    return stdout;
  }

  #fastImport(stream: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const args = ['--git-dir', this.gitDir, 'fast-import', '--quiet', '--force'];
      const child = spawn('git', args, { env: gitEnv(), stdio: ['pipe', 'ignore', 'pipe'] });
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
      child.on('error', reject);
      child.on('close', (code) => {
        if (code === 0) resolve();
        else reject(new GitError(`git fast-import failed: ${errors.trim()}`));
      });
      child.stdin.on('error', () => {});
      child.stdin.end(stream);
    });
  }
}

function gitEnv(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...ENV };
}

function importStream(ref: string, parent: string | undefined, options: CommitOptions): Buffer {
  const seconds = Math.floor(Date.now() / 1000);
  const parts: Buffer[] = [];
  const line = (text: string) => parts.push(Buffer.from(`${text}\n`));
  const data = (text: string) => {
    const bytes = Buffer.from(text);
    line(`data ${bytes.length}`);
    parts.push(bytes, Buffer.from('\n'));
  };
  // Without a reset an import onto an existing branch would continue it.
  if (parent === undefined) line(`reset ${ref}`);
  line(`commit ${ref}`);
  line(`committer ${AUTHOR} ${seconds} +0000`);
  data(options.message ?? 'Change configuration');
  if (parent !== undefined) line(`from ${parent}`);
  if (options.replace === true) line('deleteall');
  for (const [path, content] of Object.entries(options.files)) {
    if (content === null) line(`D ${JSON.stringify(path)}`);
    else {
      line(`M 100644 inline ${JSON.stringify(path)}`);
      data(content);
    }
  }
  return Buffer.concat(parts);
}
