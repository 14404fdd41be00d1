import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainStart, sealOf, verifyPage, type ChainPosition, type SealedEvent } from './chain.ts';
import type { AuditEventRecord } from './event.ts';
import { masked, redacted, redactedChanges } from './redact.ts';

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function event(at: number): AuditEventRecord {
  return {
    id: `00000000-0000-7000-8000-${String(at).padStart(12, '0')}`,
    at: '2026-01-01T00:00:00.000Z',
    actorKind: 'user',
    actorId: 'ann',
    authMethod: 'token',
    ip: null,
    action: 'application.update',
    resourceKind: 'application',
    resourceId: 'a',
    resourceName: 'shop',
    projectId: null,
    changes: [{ op: 'replace', path: '/x', from: at, value: at + 1 }],
    reason: { b: 1, a: 2 },
    correlationId: 'c',
    outcome: 'success',
  };
}

function chainOf(length: number): SealedEvent[] {
  const chain: SealedEvent[] = [];
  let after: ChainPosition = chainStart;
  for (let at = 0; at < length; at++) {
    const seal = sealOf(sha256, after, event(at));
    chain.push({ seal, event: event(at) });
    after = { seq: seal.seq, hash: seal.hash };
  }
  return chain;
}

describe('the audit chain', () => {
  test('an untouched chain verifies, page by page as well as whole', () => {
    const chain = chainOf(10);
    const whole = verifyPage(sha256, chainStart, chain, 0);
    expect(whole.type).toBe('good');
    const first = verifyPage(sha256, chainStart, chain.slice(0, 4), 0);
    if (first.type !== 'good') throw new Error(first.type);
    expect(verifyPage(sha256, first.upTo, chain.slice(4), 0)).toEqual(whole);
  });

  test('what is not sealed yet makes it incomplete, not tampered', () => {
    expect(verifyPage(sha256, chainStart, chainOf(2), 3)).toMatchObject({
      type: 'incomplete',
      unsealed: 3,
      upTo: { seq: 2n },
    });
  });

  test('the order of keys in a stored JSON does not matter', () => {
    const chain = chainOf(1);
    const stored = { ...event(0), reason: { a: 2, b: 1 } };
    const seal = chain[0]?.seal;
    if (seal === undefined) throw new Error('empty');
    expect(verifyPage(sha256, chainStart, [{ seal, event: stored }], 0).type).toBe('good');
  });

  test('any change of any field of any event breaks it at that event', () => {
    const fields = Object.keys(event(0)) as (keyof AuditEventRecord)[];
    fc.assert(
      fc.property(fc.nat(5), fc.constantFrom(...fields), (at, field) => {
        const chain = chainOf(6).map((entry, index): SealedEvent =>
          index === at && entry.event !== null
            ? { ...entry, event: { ...entry.event, [field]: 'changed' } }
            : entry,
        );
        expect(verifyPage(sha256, chainStart, chain, 0)).toMatchObject({
          type: 'tampered',
          seq: BigInt(at + 1),
        });
      }),
    );
  });

  test('an event taken out, moved or lost is found', () => {
    const chain = chainOf(5);
    const [a, b, c] = chain;
    if (a === undefined || b === undefined || c === undefined) throw new Error('empty');
    expect(verifyPage(sha256, chainStart, [a, c], 0)).toMatchObject({ type: 'tampered', seq: 2n });
    expect(verifyPage(sha256, chainStart, [b, a], 0)).toMatchObject({ type: 'tampered', seq: 1n });
    expect(verifyPage(sha256, chainStart, [a, { ...b, event: null }], 0)).toMatchObject({
      type: 'tampered',
      seq: 2n,
    });
    const swapped = [a, { seal: b.seal, event: c.event }];
    expect(verifyPage(sha256, chainStart, swapped, 0)).toMatchObject({ type: 'tampered', seq: 2n });
  });

  test('a chain rewritten from the middle does not continue what was verified before', () => {
    const forged = sealOf(sha256, { seq: 2n, hash: 'f'.repeat(64) }, event(9));
    const first = verifyPage(sha256, chainStart, chainOf(2), 0);
    if (first.type !== 'good') throw new Error(first.type);
    expect(verifyPage(sha256, first.upTo, [{ seal: forged, event: event(9) }], 0)).toMatchObject({
      type: 'tampered',
      seq: 3n,
    });
  });
});

describe('redaction', () => {
  test('shows what changed, by path', () => {
    const before = { name: 'a', spec: { prune: false, paths: ['x'] }, gone: 1 };
    const after = { name: 'a', spec: { prune: true, paths: ['x', 'y'] }, 'new/one': null };
    expect(redactedChanges(before, after)).toEqual([
      { op: 'remove', path: '/gone', from: 1 },
      { op: 'add', path: '/new~1one', value: null },
      { op: 'replace', path: '/spec/paths', from: ['x'], value: ['x', 'y'] },
      { op: 'replace', path: '/spec/prune', from: false, value: true },
    ]);
  });

  test('that a secret changed is shown, to what is not', () => {
    const changes = redactedChanges(
      { credential: { username: 'u', password: 'old' }, webhookSecret: 'one', tokenId: 't1' },
      { credential: { username: 'u', password: 'new' }, webhookSecret: 'two', tokenId: 't2' },
    );
    expect(changes).toEqual([
      { op: 'replace', path: '/credential', from: masked, value: masked },
      { op: 'replace', path: '/tokenId', from: 't1', value: 't2' },
      { op: 'replace', path: '/webhookSecret', from: masked, value: masked },
    ]);
  });

  test('a created or deleted resource is masked inside', () => {
    const [change] = redactedChanges(undefined, {
      name: 'r',
      secret_hash: 'h',
      auth: { token: 't', basic: { password: 'p' } },
    });
    expect(change?.value).toEqual({
      name: 'r',
      secret_hash: masked,
      auth: { token: masked, basic: { password: masked } },
    });
  });

  test('bytes, passwords in URLs and the data of Kubernetes Secrets never show', () => {
    const value = {
      key: new Uint8Array([1, 2]),
      url: 'https://user:hunter2@git.example.com/x',
      object: { kind: 'Secret', data: { a: 'aHVudGVyMg==' } },
    };
    expect(redacted(value)).toEqual({
      key: masked,
      url: `https://${masked}@git.example.com/x`,
      object: { kind: 'Secret', data: masked },
    });
  });

  test('dates and big numbers are comparable, equal values make no change', () => {
    expect(redactedChanges({ at: new Date(0), n: 1n }, { at: new Date(0), n: 1n })).toEqual([]);
    expect(redactedChanges({ n: 2n ** 60n }, { n: 1 })).toEqual([
      { op: 'replace', path: '/n', from: '1152921504606846976', value: 1 },
    ]);
  });

  test('is bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`k${at}`, at]));
    const changes = redactedChanges({}, { ...many, long: 'x'.repeat(5_000) });
    expect(changes).toHaveLength(201);
    expect(changes.at(-1)?.value).toBe('301 more changes are left out');
    expect(JSON.stringify(redactedChanges('', 'x'.repeat(5_000))).length).toBeLessThan(2_000);
  });

  test('no value under a secret’s name ever shows, wherever it stands', () => {
    const name = fc.constantFrom(
      'password',
      'clientSecret',
      'api_key',
      'private-key',
      'accessToken',
      'dataKey',
      'kubeconfig',
    );
    const holder = fc.array(fc.constantFrom('spec', 'a', 'items'), { maxLength: 3 });
    fc.assert(
      fc.property(name, holder, fc.boolean(), (key, path, isBefore) => {
        const value = path.reduceRight<unknown>((inner, step) => ({ [step]: [inner] }), {
          [key]: 'hunter2',
          other: 1,
        });
        const changes = isBefore
          ? redactedChanges(value, { other: 2 })
          : redactedChanges({ other: 2 }, value);
        expect(JSON.stringify(changes)).not.toContain('hunter2');
      }),
    );
  });
});
