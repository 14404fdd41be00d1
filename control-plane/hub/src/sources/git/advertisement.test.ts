import { expect, test } from 'vitest';

import { withHead } from './advertisement.ts';

const oid = 'a'.repeat(40);

function packet(line: string): string {
  return (line.length + 4).toString(16).padStart(4, '0') + line;
}

function advertisement(first: string): Buffer {
  return Buffer.from(
    `${packet('# service=git-upload-pack\n')}0000${packet(first)}${packet(`${oid} refs/tags/v1\n`)}0000`,
    'latin1',
  );
}

test('a HEAD that leads nowhere is given the first branch', () => {
  const patched = withHead(advertisement(`${oid} refs/heads/main\0side-band-64k ofs-delta\n`));
  expect(patched.toString('latin1')).toBe(
    advertisement(`${oid} refs/heads/main\0 side-band-64k ofs-delta symref=HEAD:refs/heads/main\n`).toString(
      'latin1',
    ),
  );
});

test.each([
  `${oid} HEAD\0side-band-64k symref=HEAD:refs/heads/main\n`,
  `${oid} refs/heads/main\0side-band-64k symref=HEAD:refs/heads/main\n`,
])('an advertisement with a HEAD stays as it is', (first) => {
  expect(withHead(advertisement(first)).equals(advertisement(first))).toBe(true);
});

test('what is no advertisement stays as it is', () => {
  for (const text of ['', '<html>', '0000', 'zzzz', 'ffff'])
    expect(withHead(Buffer.from(text)).toString()).toBe(text);
});
