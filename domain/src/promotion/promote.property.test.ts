import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Rollout } from '../rollout/state.ts';
import { connect, type Fate } from '../rollout/testing/simulatedFleet.ts';
import {
  commit,
  degrade,
  look,
  pass,
  promoteBy,
  simulatedStages,
  type SimulatedStage,
  type SimulatedStages,
} from './testing/simulatedStages.ts';

const minuteMs = 60_000;
const names = ['dev', 'staging', 'production'];

type Deed =
  | { type: 'commit' }
  | { type: 'pass'; minutes: number }
  | { type: 'degrade'; stage: number; bad: boolean }
  | { type: 'connect'; stage: number; there: boolean }
  | { type: 'promote'; stage: number };

const stage = fc.nat(2);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('commit' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('pass' as const), minutes: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('degrade' as const), stage, bad: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('connect' as const), stage, there: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('promote' as const), stage: fc.integer({ min: 1, max: 2 }) }),
  },
);

/** What was seen from outside: when each stage was last seen to do badly with a revision. */
class Witness {
  readonly #bad = new Map<string, number>();
  readonly #known = new Set<string>();

  see(all: SimulatedStages): void {
    all.stages.forEach((own, at) => this.#seeStage(all, own, at));
    all.stages.forEach((own, at) => this.#checkRollouts(all, own, at));
  }

  #seeStage(all: SimulatedStages, { fleet }: SimulatedStage, at: number): void {
    for (const { id, revision, assignment } of fleet.state.targets.values()) {
      const { connected = false, reported = null } = fleet.clusters.get(id) ?? {};
      // What is said of an older assignment is about another revision.
      if (connected && reported?.assignment === assignment && reported.health === 'Degraded')
        this.#bad.set(`${at}/${revision}`, all.nowMs);
    }
  }

  #checkRollouts(
    all: SimulatedStages,
    { fleet, stage: { approval, soakMs } }: SimulatedStage,
    at: number,
  ): void {
    const rollouts = [fleet.state.open, fleet.state.waiting, ...fleet.closed].filter(
      (rollout) => rollout !== null,
    );
    for (const rollout of rollouts) {
      if (at === 0 || rollout.kind !== 'forward' || this.#known.has(rollout.id)) continue;
      this.#known.add(rollout.id);
      const done = completionOf(all.stages[at - 1], rollout);
      expect(done, `revision ${rollout.revision} was not completed before ${names[at]}`).toBeDefined();
      if (rollout.createdBy !== 'automation') continue;
      expect(approval).toBe(false);
      const since = Math.max(done ?? 0, this.#bad.get(`${at - 1}/${rollout.revision}`) ?? 0);
      expect(rollout.createdAtMs - since).toBeGreaterThanOrEqual(soakMs);
    }
  }
}

/** The first time that the stage completed it. */
function completionOf(before: SimulatedStage | undefined, { revision }: Rollout): number | undefined {
  const found = before?.fleet.closed.find(
    (rollout) => rollout.kind === 'forward' && rollout.phase === 'Completed' && rollout.revision === revision,
  );
  return found?.closedAtMs ?? undefined;
}

/** `queues`: staging finishes what it began, and its own soak is all that production asks for. */
function stagesFor(approval: boolean, onFailure: string, queues = false): SimulatedStages {
  const queueing = queues ? { onNewRevision: 'queue', soak: '3m' } : {};
  return simulatedStages({
    stages: [
      { name: 'dev', clusters: { names: ['dev-*'] }, strategy: { onFailure } },
      {
        name: 'staging',
        clusters: { names: ['staging-*'] },
        soak: '5m',
        strategy: { onFailure, ...queueing },
      },
      { name: 'production', soak: queues ? '0s' : '8m', approval, strategy: { onFailure, maxConcurrent: 1 } },
    ],
  });
}

function doIt(all: SimulatedStages, deed: Deed, see: () => void): void {
  switch (deed.type) {
    case 'commit':
      commit(all);
      return;
    case 'pass':
      for (let at = 0; at < deed.minutes * 4; at++) {
        pass(all, minuteMs / 4, minuteMs / 4);
        see();
      }
      return;
    case 'degrade': {
      const { fleet } = all.stages[deed.stage]!;
      if (fleet.clusters.get('c000')?.reported != null)
        degrade(all, names[deed.stage] ?? '', 'c000', deed.bad);
      return;
    }
    case 'connect':
      connect(all.stages[deed.stage]!.fleet, 'c001', deed.there);
      return;
    case 'promote':
      promoteBy(all, names[deed.stage] ?? '');
  }
}

test('no revision reaches a stage before it was completed, soaked and let through; a second look changes nothing', () => {
  const fates = fc.array(fc.constantFrom<Fate>('ok', 'ok', 'ok', 'degrades', 'operationFails'), {
    minLength: 9,
    maxLength: 9,
  });
  let promotions = 0;
  const history = fc.record({
    deeds: fc.array(deed, { minLength: 5, maxLength: 25 }),
    fates,
    approval: fc.boolean(),
    onFailure: fc.constantFrom('pause', 'rollback', 'continue'),
    queues: fc.boolean(),
  });
  fc.assert(
    fc.property(history, ({ deeds, fates: drawn, approval, onFailure, queues }) => {
      const all = stagesFor(approval, onFailure, queues);
      all.stages.forEach(({ fleet }, at) => {
        fleet.fate = (_, revision) => drawn[(revision * 3 + at) % drawn.length] ?? 'ok';
      });
      const witness = new Witness();
      for (const each of deeds) {
        doIt(all, each, () => witness.see(all));
        look(all);
        witness.see(all);
        // What a later stage rejected is seen by the earlier ones in the next look.
        look(all);
        const before = all.stages.map(({ fleet, candidates }) => [
          fleet.state.open,
          fleet.state.waiting,
          candidates,
        ]);
        expect(look(all)).toBe(false);
        expect(
          all.stages.map(({ fleet, candidates }) => [fleet.state.open, fleet.state.waiting, candidates]),
        ).toEqual(before);
      }
      promotions += all.events.filter(({ kind }) => kind === 'StagePromoted').length;
    }),
    { numRuns: 150 },
  );
  expect(promotions).toBeGreaterThan(100);
});

test('what happens in a stage changes nothing in the stages before it, unless it rejects a revision', () => {
  fc.assert(
    fc.property(fc.array(deed, { minLength: 5, maxLength: 20 }), (deeds) => {
      const [good, bad] = [stagesFor(false, 'pause'), stagesFor(false, 'pause')];
      bad.stages[2]!.fleet.fate = () => 'hangs';
      for (const all of [good, bad])
        for (const each of deeds) if (each.type !== 'promote') doIt(all, each, () => undefined);
      for (const at of [0, 1]) {
        const of = (all: SimulatedStages) => {
          const { fleet } = all.stages[at]!;
          return fleet.closed.map(({ revision, phase, closedAtMs }) => ({ revision, phase, closedAtMs }));
        };
        expect(of(bad)).toEqual(of(good));
      }
    }),
    { numRuns: 40 },
  );
});
