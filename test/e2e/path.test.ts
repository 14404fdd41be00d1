/** The way of a commit, whole: a push reaches every targeted cluster, is applied, and its health is back at the hub. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap, deployment, widget, widgetCrd } from '@flotilla/testkit/manifests';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start({ clusters: 3 });
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
});

describe('path', () => {
  test('a push is healthy at the hub on every cluster', async () => {
    const commit = await fleet.push({
      'web/deployment.yaml': deployment('web', { replicas: 2 }),
      'web/config.yaml': configMap('settings', { level: 'info' }),
      'web/widgets.yaml': `${widgetCrd(fleet.suffix)}---\n${widget(fleet.suffix, 'first', 3)}`,
    });
    await fleet.createApplication();
    const targets = await fleet.settled('web', commit);
    expect(targets.map((target) => target.cluster).toSorted()).toEqual(
      fleet.clusters.map((c) => fleet.nameOf(c)).toSorted(),
    );
    for (const cluster of fleet.clusters) {
      const path = `/api/v1/namespaces/${fleet.namespaceOf('web')}/configmaps/settings`;
      const live = await cluster.api.call<{
        data: unknown;
        metadata: { annotations: Record<string, string> };
      }>(path);
      expect(live.data).toEqual({ level: 'info' });
      expect(live.metadata.annotations['flotilla.dev/tracking-id']).toContain(
        `ConfigMap:${fleet.namespaceOf('web')}/settings`,
      );
    }
  });

  test('the next push moves every cluster on, and history says what ran when', async () => {
    const before = await fleet.hub.client.applications.get('web');
    const commit = await fleet.push(
      { 'web/config.yaml': configMap('settings', { level: 'debug' }) },
      'Say more',
    );
    const targets = await fleet.settled('web', commit);
    for (const target of targets) {
      const runs = await fleet.hub.client.targets.history(target.id);
      expect(runs.items.map((run) => run.revisionNumber)).toEqual([
        before.revisionNumber + 1,
        before.revisionNumber,
      ]);
      expect(runs.items[1]?.to).toBe(runs.items[0]?.from);
    }
  });

  test('every change has its audit event, and the chain verifies', async () => {
    const events = await Array.fromAsync(fleet.hub.client.audit.all());
    expect(events.map((event) => event.action)).toEqual(
      expect.arrayContaining(['repository.create', 'application.create']),
    );
    const verification = await fleet.hub.client.audit.verify();
    expect(verification.result).not.toBe('Tampered');
  });
});
