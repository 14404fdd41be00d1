import { createHmac } from 'node:crypto';

import { expect, test } from 'vitest';

import { deliveryIdOf, isAbout, isSigned } from './webhookSignature.ts';

const secret = Buffer.from('a shared secret');
const body = Buffer.from('{"a":1}');
const hex = createHmac('sha256', secret).update(body).digest('hex');

test.each([
  [{ 'x-hub-signature-256': `sha256=${hex}` }, true],
  [{ 'x-gitea-signature': hex }, true],
  [{ 'x-gitlab-token': 'a shared secret' }, true],
  [{}, false],
  [{ 'x-hub-signature-256': hex }, false],
  [{ 'x-hub-signature-256': `sha256=${hex.slice(1)}` }, false],
  [{ 'x-hub-signature-256': `sha256=${hex.replace(/.$/, (last) => (last === '0' ? '1' : '0'))}` }, false],
  [{ 'x-hub-signature-256': 'sha256=' }, false],
  [{ 'x-hub-signature-256': [`sha256=${hex}`] }, false],
  [{ 'x-hub-signature': `sha1=${hex}` }, false],
  [{ 'x-gitlab-token': '' }, false],
  [{ 'x-gitlab-token': 'another secret!' }, false],
  [{ 'x-hub-signature-256': 'sha256=00', 'x-gitlab-token': 'a shared secret' }, false],
])('%j is %s', (headers, expected) => expect(isSigned(secret, headers as never, body)).toBe(expected));

test('the signature is over the raw bytes', () => {
  expect(isSigned(secret, { 'x-hub-signature-256': `sha256=${hex}` }, Buffer.from('{"a": 1}'))).toBe(false);
});

test('a delivery has the id that its sender gives it', () => {
  expect(deliveryIdOf({ 'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958' })).toBe(
    '72d3162e-cc78-11e3-81ab-4c9367dc0958',
  );
  expect(deliveryIdOf({ 'x-gitlab-event-uuid': 'u' })).toBe('u');
  expect(deliveryIdOf({ 'x-delivery-id': 'x'.repeat(200) })).toBe(null);
  expect(deliveryIdOf({ 'x-delivery-id': "'; drop" })).toBe(null);
  expect(deliveryIdOf({})).toBe(null);
});

const ours = 'https://git.example.com/team/fleet.git';

test.each([
  [{ repository: { clone_url: 'https://github.com/Team/Fleet.git' } }, true],
  [{ repository: { full_name: 'team/fleet' } }, true],
  [{ project: { git_http_url: 'http://gitlab.local/team/fleet.git' } }, true],
  [
    {
      repository: {
        clone_url: 'https://github.com/team/other.git',
        html_url: 'https://github.com/team/other',
      },
    },
    false,
  ],
  [{ project: { path_with_namespace: 'team/other' } }, false],
  [{ repository: null }, true],
  [{ repository: [], project: '' }, true],
  [{ repository: { clone_url: '(a+)+$' } }, false],
  [null, true],
  [[], true],
  ['text', true],
])('a payload %j is about this repository: %s', (payload, expected) =>
  expect(isAbout(ours, payload)).toBe(expected),
);
