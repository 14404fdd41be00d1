import { expect, test } from 'vitest';

import { isPublicAddress } from '../platform/address.ts';
import { checkRepositoryUrl } from './url.ts';

const refused: [string, RegExp][] = [
  ['', /1 to 2048/],
  ['--upload-pack=touch /tmp/x', /start with '-'/],
  ['ext::sh -c id', /blanks/],
  ['ext::id', /scheme 'ext'/],
  ['file:///etc/passwd', /scheme 'file'/],
  ['ssh://git@example.com/a.git', /credentials/],
  ['git@example.com:a/b.git', /cannot be parsed|scheme/],
  ['https://user:secret@example.com/a.git', /credentials/],
  ['https://token@example.com/a.git', /credentials/],
  ['https://example.com/a.git?x=1', /query/],
  ['https://example.com/a.git#x', /fragment/],
  ['https://example.com/a\nb', /control/],
  ['https://example.com/a\u0000b', /control/],
  ['https:\\\\example.com/a', /backslashes/],
  ['http://example.com/a.git', /plain http/],
  ['https://127.0.0.1/a.git', /private address/],
  ['https://2130706433/a.git', /private address/],
  ['https://0x7f.1/a.git', /private address/],
  ['https://0177.0.0.1/a.git', /private address/],
  ['https://10.1.2.3/a.git', /private address/],
  ['https://169.254.169.254/latest/meta-data', /private address/],
  ['https://100.64.0.1/a.git', /private address/],
  ['https://0.0.0.0/a.git', /private address/],
  ['https://[::]/a.git', /private address/],
  ['https://[::1]/a.git', /private address/],
  ['https://[::ffff:127.0.0.1]/a.git', /private address/],
  ['https://[fd00::1]/a.git', /private address/],
  ['https://[fe80::1]/a.git', /private address/],
  ['https://[64:ff9b::7f00:1]/a.git', /private address/],
  ['https://localhost/a.git', /this machine/],
  ['https://git.localhost./a.git', /this machine/],
];

test.each(refused)('refuses %j', (url, reason) => {
  const verdict = checkRepositoryUrl(url, []);
  expect(verdict).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
});

test.each(['https://github.com/example/fleet.git', 'https://8.8.8.8/a.git', 'https://example.com:8443/x'])(
  'accepts %s',
  (url) => expect(checkRepositoryUrl(url, []).ok).toBe(true),
);

test('plain http and private addresses are for listed hosts only', () => {
  const allow = ['127.0.0.1', 'git.internal:8080', '::1'];
  expect(checkRepositoryUrl('http://127.0.0.1:3000/a.git', allow).ok).toBe(true);
  expect(checkRepositoryUrl('http://[::1]:3000/a.git', allow).ok).toBe(true);
  expect(checkRepositoryUrl('http://git.internal:8080/a.git', allow).ok).toBe(true);
  expect(checkRepositoryUrl('http://git.internal:9090/a.git', allow).ok).toBe(false);
  expect(checkRepositoryUrl('http://10.0.0.1/a.git', allow).ok).toBe(false);
  expect(checkRepositoryUrl('file://127.0.0.1/a.git', allow).ok).toBe(false);
});

test('only globally routable unicast addresses are public', () => {
  for (const address of ['1.1.1.1', '2606:4700::1111']) expect(isPublicAddress(address)).toBe(true);
  for (const address of ['192.168.1.1', '172.16.0.1', '::', 'ff02::1', '224.0.0.1', 'x', '2002:7f00:1::']) {
    expect(isPublicAddress(address)).toBe(false);
  }
});
