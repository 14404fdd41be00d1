/** A plan that cannot be rendered fails with the reason; one that the hub's own end broke off waits for the next worker. */
import pino from 'pino';
import { expect, test } from 'vitest';
import { GitError } from '../../sources/git/client.ts';
import type { Envelope } from '../../platform/envelope.ts';
import type { PreviewRow, PreviewStore } from './preview.store.ts';
import { renderPreview } from './preview.ts';

const row: PreviewRow = {
  id: 'p',
  applicationId: 'a',
  projectId: 'o',
  spec: {},
  revision: 'main',
  repositoryId: 'r',
  ofRevision: null,
  repository: 'config',
  url: 'https://git.test/config.git',
  credential: null,
};

async function failuresWith(signal: AbortSignal): Promise<string[]> {
  const failures: string[] = [];
  const store = {
    preview: () => Promise.resolve(row),
    sources: () => Promise.resolve([]),
    commitsLike: () => Promise.resolve([]),
    saveFailure: (_id: string, message: string) => Promise.resolve(void failures.push(message)),
  } as unknown as PreviewStore;
  const look = () =>
    Promise.reject(new GitError({ kind: 'Timeout', message: 'the Git thread stopped: it was closed' }));
  const resolver = { git: { look }, envelope: {} as Envelope, store, sourcesAllow: [] };
  const nothing = () => Promise.reject(new Error('nothing is rendered here'));
  const renderer = { render: nothing, renderVariants: nothing };
  const frames = { readTree: () => Promise.resolve(null) };
  await renderPreview({ store, frames, renderer, resolver, logger: pino({ level: 'silent' }), signal }, 'p');
  return failures;
}

test('a repository that cannot be asked fails the plan', async () => {
  expect(await failuresWith(new AbortController().signal)).toEqual([
    'repository "config": the Git thread stopped: it was closed',
  ]);
});

test('a hub that stops leaves the plan to be rendered by the next worker', async () => {
  expect(await failuresWith(AbortSignal.abort())).toEqual([]);
});
