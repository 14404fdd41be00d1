import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from './config.ts';
import { Envelope, EnvelopeError, loadEnvelope } from './envelope.ts';

const place = { table: 't', row: 'r', column: 'c' };
const first = randomBytes(32);

test('what was sealed opens at its own place only', () => {
  const envelope = new Envelope(new Map([[1, first]]));
  const { bytes } = envelope.seal(place, Buffer.from('secret'));
  expect(envelope.open(place, bytes).toString()).toBe('secret');
  expect(() => envelope.open({ ...place, row: 'other' }, bytes)).toThrow(EnvelopeError);
  bytes[bytes.length - 1]! ^= 1;
  expect(() => envelope.open(place, bytes)).toThrow(EnvelopeError);
});

test('after a rotation the new key seals and the old ones open', () => {
  const { bytes } = new Envelope(new Map([[1, first]])).seal(place, Buffer.from('old'));
  const rotated = new Envelope(
    new Map([
      [1, first],
      [2, randomBytes(32)],
    ]),
  );
  expect(rotated.seal(place, Buffer.from('new')).keyVersion).toBe(2);
  expect(rotated.open(place, bytes).toString()).toBe('old');
  expect(() => new Envelope(new Map([[2, first]])).open(place, bytes)).toThrow('no key 1');
});

test('token hashes and the checkpoint key outlive a rotation', () => {
  const before = new Envelope(new Map([[1, first]]));
  const after = new Envelope(
    new Map([
      [1, first],
      [2, randomBytes(32)],
    ]),
  );
  expect(after.tokenHash('s')).toEqual(before.tokenHash('s'));
  expect(after.checkpointKey().publicKey.equals(before.checkpointKey().publicKey)).toBe(true);
});

test('a key file is made once, for its owner alone, and a broken one is refused by name', () => {
  const dir = mkdtempSync(join(tmpdir(), 'flotilla-key-'));
  const file = join(dir, 'sub', 'hub.key');
  const sealed = loadEnvelope(file).seal(place, Buffer.from('x'));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(loadEnvelope(file).open(place, sealed.bytes).toString()).toBe('x');
  writeFileSync(file, 'not a key\n');
  expect(() => loadEnvelope(file)).toThrow(expect.objectContaining({ variable: 'HUB_KEY_FILE' }));
  expect(() => loadEnvelope(file)).toThrow(ConfigError);
  rmSync(dir, { recursive: true });
});
