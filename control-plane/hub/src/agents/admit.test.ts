import { describe, expect, test } from 'vitest';
import { admit, displacementWindowMs, type AdmitInput } from './admit.ts';

const now = new Date('2026-11-24T12:00:00Z');

function input(change: { [K in keyof AdmitInput]?: Partial<AdmitInput[K]> | null } = {}): AdmitInput {
  const versions = { agent: '0.1.0', protocol: 1, kubernetes: '' };
  const hello = {
    standby: false,
    instance: 'b',
    clusterUid: 'u',
    leaseUid: 'l',
    leaseTransitions: 1n,
    versions,
  };
  const cluster = {
    state: 'Active',
    kubeSystemUid: 'u',
    leaseUid: 'l',
    leaseTransitions: 1n,
    displacements: [],
  };
  return {
    hello: { ...hello, ...change.hello },
    cluster: { ...cluster, ...change.cluster },
    live: change.live === undefined ? null : (change.live as AdmitInput['live']),
    now,
  };
}

const minutesAgo = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);

describe('admission', () => {
  test('a quarantined, revoked or pending cluster is refused', () => {
    expect(admit(input({ cluster: { state: 'Quarantined' } }))).toMatchObject({
      verdict: 'refused',
      reason: 'quarantined',
    });
    expect(admit(input({ cluster: { state: 'Revoked' } }))).toMatchObject({
      verdict: 'refused',
      reason: 'revoked',
    });
    expect(admit(input({ cluster: { state: 'Pending' } }))).toMatchObject({
      verdict: 'refused',
      reason: 'revoked',
    });
  });

  test('a paused cluster goes on reporting', () => {
    expect(admit(input({ cluster: { state: 'Paused' } })).verdict).toBe('working');
  });

  test('another Kubernetes cluster behind the key is a duplicate at once, standby or not', () => {
    expect(admit(input({ hello: { clusterUid: 'other' } })).verdict).toBe('duplicate');
    expect(admit(input({ hello: { clusterUid: 'other', standby: true } })).verdict).toBe('duplicate');
  });

  test('a displacement is noted, the third within ten minutes is a duplicate', () => {
    const live = { instance: 'a' };
    expect(admit(input({ live }))).toEqual({ verdict: 'working', displacements: [now] });
    const two = [minutesAgo(9), minutesAgo(1)];
    expect(admit(input({ live, cluster: { displacements: two } })).verdict).toBe('duplicate');
    const old = [new Date(now.getTime() - displacementWindowMs), minutesAgo(1)];
    expect(admit(input({ live, cluster: { displacements: old } }))).toEqual({
      verdict: 'working',
      displacements: [minutesAgo(1), now],
    });
  });

  test('the same process, and a hand-over of the known lease, displace nobody', () => {
    const two = [minutesAgo(9), minutesAgo(1)];
    const same = input({ live: { instance: 'b' }, cluster: { displacements: two } });
    expect(admit(same)).toEqual({ verdict: 'working', displacements: two });
    const handedOver = input({
      live: { instance: 'a' },
      cluster: { displacements: two },
      hello: { leaseTransitions: 2n },
    });
    expect(admit(handedOver)).toEqual({ verdict: 'working', displacements: two });
    const otherLease = input({
      live: { instance: 'a' },
      cluster: { displacements: two },
      hello: { leaseUid: 'x', leaseTransitions: 9n },
    });
    expect(admit(otherLease).verdict).toBe('duplicate');
  });

  test('a protocol that is not served is refused', () => {
    const versions = { agent: '', protocol: 2, kubernetes: '' };
    expect(admit(input({ hello: { versions } }))).toMatchObject({ verdict: 'refused', reason: 'version' });
  });
});
