import { expect, it } from 'vitest';
import { fakeHub, flotilla } from './hub.fixture.ts';
import { page } from './resources.fixture.ts';

const ref = (name: string, more: object = {}) => ({
  ref: `refs/heads/${name}`,
  commit: '2222222222222222222222222222222222222222',
  error: null,
  seenAt: '2026-11-24T14:59:00Z',
  rewritten: null,
  ...more,
});
const rewritten = {
  from: '1111111111111111111111111111111111111111',
  to: '2222222222222222222222222222222222222222',
  at: '2026-11-24T14:59:00Z',
};
const repository = {
  id: '01a20ed4-b48b-7590-aa57-a4597c73eb71',
  project: 'default',
  name: 'config',
  kind: 'git',
  url: 'https://git.example.com/config.git',
  hasCredential: true,
  hasWebhookSecret: false,
  pollIntervalMs: 60_000,
  polledAt: '2026-11-24T14:59:00Z',
  error: null,
  errorAt: null,
  refs: [ref('gone', { error: "the branch 'gone' does not exist" }), ref('main', { rewritten }), ref('next')],
  version: 1,
  createdAt: '2026-11-24T14:00:00Z',
};

it('shows a repository and its branches: what is wrong with them, and what was force-pushed', async () => {
  await using hub = await fakeHub({ 'GET /repositories/config': { body: repository } });
  const { stdout, code } = await flotilla(['repo', 'get', 'config'], hub);
  expect(code).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "Name:        config
    Project:     default
    URL:         https://git.example.com/config.git
    Credential:  yes
    Webhook:     none
    Read:        60s ago

    REF             COMMIT     SEEN   NOTE
    branch 'gone'   22222222   60s    the branch 'gone' does not exist
    branch 'main'   22222222   60s    branch 'main' was rewritten from 111111111111 to 222222222222
    branch 'next'   22222222   60s
    "
  `);
});

it('lists repositories with what a person should look at', async () => {
  await using hub = await fakeHub({ 'GET /repositories': { body: page([repository]) } });
  expect((await flotilla(['repo', 'list'], hub)).stdout).toMatchInlineSnapshot(`
    "NAME     PROJECT   URL                                  READ   NOTE
    config   default   https://git.example.com/config.git   60s    the branch 'gone' does not exist; branch 'main' was rewritten from 111111111111 to 222222222222
    "
  `);
});
