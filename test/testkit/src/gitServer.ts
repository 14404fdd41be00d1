/** The local Git server with a will of its own: down, slow, cut, or holding one request until the test lets it go. */
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGitServer, type GitAccount, type GitServer, type Verdict } from '@flotilla/local/git-server';

export interface HeldFetch {
  /** Resolves with the request's path when one has come. */
  reached: Promise<string>;
  release: () => void;
}

export interface TestGitServer extends AsyncDisposable {
  server: GitServer;
  account: GitAccount | undefined;
  /** Paths that were asked for, in order, with method. */
  requests: string[];
  /** What becomes of requests from now on; `serve` heals. */
  behave: (verdict: Verdict | 'hang') => void;
  /** Holds requests whose path matches. */
  hold: (path?: RegExp) => HeldFetch;
}

export async function startTestGitServer(account?: GitAccount): Promise<TestGitServer> {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-git-'));
  const requests: string[] = [];
  let behaviour: Verdict | 'hang' = 'serve';
  let holding: { path: RegExp; pass: Promise<void>; reached: (path: string) => void } | undefined;
  const decide = async (request: IncomingMessage): Promise<Verdict> => {
    const path = request.url ?? '';
    requests.push(`${request.method} ${path}`);
    if (behaviour === 'hang') return new Promise<Verdict>(() => {});
    if (holding?.path.test(path)) {
      holding.reached(path);
      await holding.pass;
    }
    return behaviour;
  };
  const server = await startGitServer({ dir, decide, ...(account === undefined ? {} : { account }) });
  return {
    server,
    account,
    requests,
    behave: (next) => (behaviour = next),
    hold: (path = /./) => {
      const reached = Promise.withResolvers<string>();
      const pass = Promise.withResolvers<void>();
      holding = { path, pass: pass.promise, reached: reached.resolve };
      const release = () => {
        holding = undefined;
        pass.resolve();
      };
      return { reached: reached.promise, release };
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
