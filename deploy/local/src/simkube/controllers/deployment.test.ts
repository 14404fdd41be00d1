import { describe, expect, test } from 'vitest';
import { deploymentPlan } from './deployment.ts';
import { deployment, NOW_MS, settled, withImage } from './objects.fixture.ts';
import { conditionOf } from './objects.ts';
import type { Plan } from './plan.ts';
import type { Deployment, ReplicaSet } from './shapes.ts';

interface World {
  deployment: Deployment;
  sets: ReplicaSet[];
}

/** Carries a plan out, as the driver does, without a cluster. */
function after({ deployment: object, sets }: World, { writes }: Plan): World {
  let now = { deployment: object, sets: [...sets] };
  for (const write of writes) {
    if (write.do === 'event') continue;
    const { kind, metadata } = write.object;
    if (kind === 'Deployment') now = { ...now, deployment: write.object as Deployment };
    const others = now.sets.filter((set) => set.metadata.name !== metadata.name);
    if (kind !== 'ReplicaSet') continue;
    const set = { ...write.object, metadata: { uid: metadata.name ?? '', ...metadata } } as ReplicaSet;
    now = { ...now, sets: write.do === 'delete' ? others : [...others, set] };
  }
  return now;
}

/** Steps until nothing changes, with pods that come up at once, and tells the sizes on the way. */
function rollOut(world: World, up = true): { world: World; sizes: number[][] } {
  const sizes: number[][] = [];
  for (let i = 0; i < 30; i++) {
    const plan = deploymentPlan(world.deployment, world.sets, NOW_MS);
    const next = after(world, plan);
    if (plan.writes.filter(({ do: verb }) => verb !== 'event').length === 0) return { world, sizes };
    const isFirst = (set: ReplicaSet): boolean => set.spec.template.spec.containers[0]?.image === 'app:1';
    const sets = next.sets.map((set) => (up || isFirst(set) ? settled(set) : settled(set, 0)));
    sizes.push(
      sets.toSorted((a, b) => Number(isFirst(b)) - Number(isFirst(a))).map(({ spec }) => spec.replicas ?? 1),
    );
    world = { deployment: next.deployment, sets };
  }
  throw new Error('the rollout did not come to rest');
}

function progressOf({ deployment: object }: World): string | undefined {
  return conditionOf(object.status?.conditions, 'Progressing')?.reason;
}

describe('a Deployment', () => {
  const first = rollOut({ deployment: deployment('web'), sets: [] }).world;

  test('makes one ReplicaSet with the revision, and is available', () => {
    expect(first.sets).toHaveLength(1);
    const [set] = first.sets;
    expect(set?.metadata.annotations).toEqual({
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '4',
      'deployment.kubernetes.io/max-replicas': '5',
    });
    expect(set?.metadata.labels).toEqual(set?.spec.selector.matchLabels);
    expect(first.deployment.metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' });
    expect(first.deployment.status).toMatchObject({ replicas: 4, updatedReplicas: 4, availableReplicas: 4 });
    expect(progressOf(first)).toBe('NewReplicaSetAvailable');
  });

  test('rolls out within maxSurge and maxUnavailable', () => {
    const { world, sizes } = rollOut({ ...first, deployment: withImage(first.deployment, 'app:2') });
    for (const size of sizes) expect(size.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(5);
    for (const size of sizes) expect(size.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(3);
    expect(sizes.at(-1)).toEqual([0, 4]);
    expect(world.deployment.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    expect(progressOf(world)).toBe('NewReplicaSetAvailable');
  });

  test('keeps what is available where the new pods do not come up, and is late after its deadline', () => {
    const changed = withImage(first.deployment, 'app:2');
    const { world, sizes } = rollOut({ ...first, deployment: changed }, false);
    expect(sizes.at(-1)).toEqual([3, 2]);
    expect(conditionOf(world.deployment.status?.conditions, 'Available')?.status).toBe('True');
    const plan = deploymentPlan(world.deployment, world.sets, NOW_MS);
    expect(plan.wakeAtMs).toBe(NOW_MS + 600_000);
    const late = after(world, deploymentPlan(world.deployment, world.sets, NOW_MS + 600_000));
    expect(progressOf(late)).toBe('ProgressDeadlineExceeded');
    expect(conditionOf(late.deployment.status?.conditions, 'Progressing')?.status).toBe('False');
  });

  test('goes back to its old ReplicaSet under a new revision', () => {
    const second = rollOut({ ...first, deployment: withImage(first.deployment, 'app:2') }).world;
    const { world, sizes } = rollOut({ ...second, deployment: withImage(second.deployment, 'app:1') });
    expect(sizes.at(-1)).toEqual([4, 0]);
    expect(world.sets).toHaveLength(2);
    expect(world.deployment.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  test('that is paused rolls nothing out, but scales', () => {
    const changed = withImage(first.deployment, 'app:2');
    changed.spec = { ...changed.spec, paused: true, replicas: 6 };
    const { world, sizes } = rollOut({ ...first, deployment: changed });
    expect(sizes.at(-1)).toEqual([6]);
    expect(progressOf(world)).toBe('DeploymentPaused');
  });

  test('of strategy Recreate has no old pods when its new ones come', () => {
    const object = deployment('web', { strategy: { type: 'Recreate' } });
    const old = rollOut({ deployment: object, sets: [] }).world;
    const { sizes } = rollOut({ ...old, deployment: withImage(old.deployment, 'app:2') });
    for (const [before = 0, next = 0] of sizes) expect(Math.min(before, next)).toBe(0);
    expect(sizes.at(-1)).toEqual([0, 4]);
  });

  test('keeps as many old ReplicaSets as its history allows', () => {
    let world = rollOut({ deployment: deployment('web', { revisionHistoryLimit: 1 }), sets: [] }).world;
    for (const image of ['app:2', 'app:3', 'app:4'])
      world = rollOut({ ...world, deployment: withImage(world.deployment, image) }).world;
    expect(world.sets).toHaveLength(2);
  });
});
