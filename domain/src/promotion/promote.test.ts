import { describe, expect, test } from 'vitest';
import { connect } from '../rollout/testing/simulatedFleet.ts';
import { rollback } from '../rollout/verbs.ts';
import { describeCandidate } from './describe.ts';
import {
  commit,
  degrade,
  kinds,
  look,
  pass,
  promoteBy,
  revisionsIn,
  simulatedStages,
  stageNamed,
  type SimulatedStages,
} from './testing/simulatedStages.ts';

const minuteMs = 60_000;

function three(
  change: { soak?: string; approval?: boolean; dev?: object; staging?: object; production?: object } = {},
): SimulatedStages {
  const { soak = '10m', approval = false, dev = {}, staging = {}, production = {} } = change;
  return simulatedStages({
    stages: [
      { name: 'dev', clusters: { names: ['dev-*'] }, strategy: dev },
      { name: 'staging', clusters: { names: ['staging-*'] }, strategy: staging },
      { name: 'production', soak, approval, strategy: production },
    ],
  });
}

function view(all: SimulatedStages, name = 'production') {
  const { stage, candidates } = stageNamed(all, name);
  return describeCandidate(candidates, { approval: stage.approval, before: 'staging' });
}

describe('a revision', () => {
  test('goes through every stage, and on from one only once that has soaked', () => {
    const all = three();
    commit(all);
    expect(revisionsIn(all, 'dev')).toEqual([1, 1]);
    expect(revisionsIn(all, 'staging')).toEqual([null, null]);
    pass(all, minuteMs);
    expect(revisionsIn(all, 'staging')).toEqual([1, 1]);
    pass(all, 9 * minuteMs);
    expect(view(all)).toMatchObject({ revision: 1, state: 'Soaking' });
    expect(revisionsIn(all, 'production')).toEqual([null, null]);
    pass(all, 2 * minuteMs);
    expect(revisionsIn(all, 'production')).toEqual([1, 1]);
    expect(kinds(all)).toEqual([
      'Candidate: revision 1 is a candidate for staging',
      'StagePromoted: revision 1 from dev to staging, after its soak',
      'Candidate: revision 1 is a candidate for production: it soaks in staging for 10m',
      'StagePromoted: revision 1 from staging to production, after its soak',
    ]);
  });

  test('that fails in a stage goes nowhere, and the stages behind keep what they have', () => {
    const all = three();
    commit(all);
    pass(all, 20 * minuteMs);
    stageNamed(all, 'staging').fleet.fate = (_, revision) => (revision === 2 ? 'operationFails' : 'ok');
    commit(all);
    pass(all, 60 * minuteMs);
    expect(revisionsIn(all, 'dev')).toEqual([2, 2]);
    expect(stageNamed(all, 'staging').fleet.state.open?.phase).toBe('Paused');
    expect(revisionsIn(all, 'production')).toEqual([1, 1]);
    expect(view(all)).toBeNull();
  });

  test('that halts in production never stops the stages before it', () => {
    const all = three();
    stageNamed(all, 'production').fleet.fate = () => 'operationFails';
    for (let at = 0; at < 3; at++) {
      commit(all);
      pass(all, 15 * minuteMs);
    }
    expect(stageNamed(all, 'production').fleet.state.open?.phase).toBe('Paused');
    expect(revisionsIn(all, 'dev')).toEqual([3, 3]);
    expect(revisionsIn(all, 'staging')).toEqual([3, 3]);
  });

  test('that production rolls back is Rejected for all, and stays where it was given before', () => {
    const all = three({ production: { onFailure: 'rollback' } });
    commit(all);
    pass(all, 20 * minuteMs);
    stageNamed(all, 'production').fleet.fate = (_, revision) => (revision === 2 ? 'degrades' : 'ok');
    commit(all);
    pass(all, 20 * minuteMs);
    expect(revisionsIn(all, 'production')).toEqual([1, 1]);
    expect(stageNamed(all, 'dev').fleet.state.rejected).toEqual([2]);
    expect(revisionsIn(all, 'dev')).toEqual([2, 2]);
    expect(revisionsIn(all, 'staging')).toEqual([2, 2]);
  });

  test('that is Rejected while it soaks or waits is withdrawn', () => {
    const all = three({ approval: true });
    commit(all);
    pass(all, 20 * minuteMs);
    expect(view(all)).toMatchObject({ revision: 1, state: 'AwaitingApproval' });
    const { fleet } = stageNamed(all, 'dev');
    const of = fleet.closed[0]!;
    const options = { id: 'back', of, by: 'alice', reason: 'it leaks' };
    const result = rollback(fleet.state, options, { targets: new Map() }, all.nowMs);
    if (!result.ok) throw new Error(result.reason);
    for (const { fleet: each } of all.stages) each.state = { ...each.state, rejected: result.state.rejected };
    look(all);
    expect(view(all)).toBeNull();
    expect(kinds(all).at(-1)).toBe(
      'CandidateWithdrawn: revision 1 does not go on to production: it is Rejected',
    );
  });
});

test('what waits in a stage goes when another rejects it', () => {
  const all = three({ production: { onNewRevision: 'queue', soak: '1h' } });
  commit(all);
  pass(all, 15 * minuteMs);
  commit(all);
  pass(all, 15 * minuteMs);
  const { fleet } = stageNamed(all, 'production');
  expect(fleet.state.waiting).toMatchObject({ phase: 'Queued', revision: 2 });
  for (const { fleet: each } of all.stages) each.state = { ...each.state, rejected: [2] };
  look(all);
  expect(fleet.state.waiting).toBeNull();
  expect(fleet.closed.at(-1)).toMatchObject({ phase: 'Aborted', phaseReason: 'revision 2 is Rejected' });
  pass(all, 120 * minuteMs);
  expect(revisionsIn(all, 'production')).toEqual([1, 1]);
});

describe('the soak', () => {
  test('starts over when a cluster of the stage before turns bad, and says which', () => {
    const all = three();
    commit(all);
    pass(all, 8 * minuteMs);
    degrade(all, 'staging', 'c001', true);
    pass(all, minuteMs);
    expect(view(all)).toMatchObject({
      state: 'Held',
      message: 'cluster c001 is Degraded: by hand',
      untilMs: null,
    });
    degrade(all, 'staging', 'c001', false);
    pass(all, 9 * minuteMs);
    expect(revisionsIn(all, 'production')).toEqual([null, null]);
    pass(all, 2 * minuteMs);
    expect(revisionsIn(all, 'production')).toEqual([1, 1]);
    expect(kinds(all)).toContain(
      'CandidateHeld: revision 1 does not count as soaked for production: cluster c001 is Degraded: by hand',
    );
  });

  test('does not count while nobody of the stage before is there to vouch, and does not wait for one who is away', () => {
    const all = three();
    commit(all);
    pass(all, 5 * minuteMs);
    const { fleet } = stageNamed(all, 'staging');
    for (const name of fleet.clusters.keys()) connect(fleet, name, false);
    pass(all, 60 * minuteMs);
    expect(view(all)).toMatchObject({
      state: 'Held',
      message: 'no cluster of staging that has it is connected',
    });
    connect(fleet, 'c000', true);
    pass(all, 11 * minuteMs);
    expect(revisionsIn(all, 'production')).toEqual([1, 1]);
  });

  test('a stage without clusters lets nothing through', () => {
    const all = three();
    stageNamed(all, 'staging').fleet.state = {
      ...stageNamed(all, 'staging').fleet.state,
      targets: new Map(),
    };
    commit(all);
    pass(all, 60 * minuteMs);
    expect(view(all)).toMatchObject({ state: 'Held', message: 'no cluster of staging has it' });
    expect(revisionsIn(all, 'production')).toEqual([null, null]);
  });

  test('ends as no candidate when the stage before moves on before it is over', () => {
    const all = three();
    commit(all);
    pass(all, 5 * minuteMs);
    commit(all);
    pass(all, minuteMs);
    expect(kinds(all)).toContain(
      'CandidateWithdrawn: revision 1 does not go on to production: staging moves on before it has soaked',
    );
    pass(all, 20 * minuteMs);
    expect(revisionsIn(all, 'production')).toEqual([2, 2]);
  });

  test('is over for a revision that some clusters still have while a rollout takes the others away', () => {
    const all = three({ staging: { maxConcurrent: 1 } });
    commit(all);
    pass(all, 5 * minuteMs);
    stageNamed(all, 'staging').fleet.fate = () => 'hangs';
    commit(all);
    pass(all, 20 * minuteMs);
    expect(revisionsIn(all, 'staging')).toEqual([2, 1]);
    expect(view(all)).toBeNull();
    expect(revisionsIn(all, 'production')).toEqual([null, null]);
  });

  test('is what the stage before asks of its own clusters where its rollouts queue: each that it completes goes on', () => {
    const all = three({ soak: '0s', staging: { onNewRevision: 'queue', soak: '10m' } });
    for (let at = 0; at < 8; at++) {
      commit(all);
      pass(all, 4 * minuteMs);
    }
    expect(revisionsIn(all, 'dev')).toEqual([8, 8]);
    expect(kinds(all).filter((text) => text.endsWith('to production, after its soak'))).toEqual([
      'StagePromoted: revision 1 from staging to production, after its soak',
      'StagePromoted: revision 3 from staging to production, after its soak',
      'StagePromoted: revision 6 from staging to production, after its soak',
    ]);
    expect(kinds(all).filter((text) => text.startsWith('CandidateWithdrawn'))).toEqual([]);
  });

  test('of a stage whose rollouts queue lets nothing on that some cluster did badly with', () => {
    const all = three({ soak: '0s', staging: { onNewRevision: 'queue', maxFailures: 1, soak: '1m' } });
    const { fleet } = stageNamed(all, 'staging');
    fleet.fate = (cluster, revision) => (revision === 1 && cluster === 'c000' ? 'operationFails' : 'ok');
    commit(all);
    pass(all, 20_000);
    commit(all);
    pass(all, 10 * minuteMs);
    expect(kinds(all)).toContain(
      'CandidateWithdrawn: revision 1 does not go on to production: staging moves on, and not every cluster did well with it',
    );
    expect(kinds(all)).not.toContain('StagePromoted: revision 1 from staging to production, after its soak');
    expect(revisionsIn(all, 'production')).toEqual([2, 2]);
  });

  test('says when it ends, and a soak that is made shorter ends sooner', () => {
    const all = three();
    commit(all);
    pass(all, 2 * minuteMs);
    const before = view(all)?.untilMs ?? 0;
    const production = stageNamed(all, 'production');
    production.stage = { ...production.stage, soakMs: 5 * minuteMs };
    all.stages[2] = production;
    look(all);
    expect(view(all)?.untilMs).toBe(before - 5 * minuteMs);
  });
});

describe('a person', () => {
  test('is waited for where the stage says so, and promotes what has soaked', () => {
    const all = three({ approval: true });
    commit(all);
    pass(all, 60 * minuteMs);
    expect(revisionsIn(all, 'production')).toEqual([null, null]);
    expect(view(all)).toMatchObject({ state: 'AwaitingApproval', untilMs: null });
    expect(kinds(all)).toContain(
      'AwaitingPromotion: revision 1 waits for a person to promote it to production',
    );
    expect(promoteBy(all, 'production')).toMatchObject({ ok: true, revision: 1 });
    look(all);
    expect(revisionsIn(all, 'production')).toEqual([1, 1]);
    expect(view(all)).toBeNull();
    expect(stageNamed(all, 'production').fleet.state.open?.createdBy).toBe('alice');
  });

  test('skips the rest of a soak', () => {
    const all = three();
    commit(all);
    pass(all, 2 * minuteMs);
    expect(promoteBy(all, 'production')).toMatchObject({ ok: true, revision: 1 });
    expect(kinds(all).at(-1)).toBe(
      'StagePromoted: revision 1 from staging to production, by alice, before it had soaked',
    );
  });

  test('a newer one that has soaked takes the place of one that waits; one that soaks does not', () => {
    const all = three({ approval: true });
    commit(all);
    pass(all, 15 * minuteMs);
    commit(all);
    pass(all, 5 * minuteMs);
    expect(view(all)).toMatchObject({
      revision: 1,
      message: 'waits for a person to promote it; revision 2 soaks behind it',
    });
    pass(all, 10 * minuteMs);
    expect(view(all)).toMatchObject({ revision: 2, state: 'AwaitingApproval' });
    expect(kinds(all)).toContain(
      'CandidateWithdrawn: revision 1 does not go on to production: revision 2 takes its place',
    );
  });

  test('is asked no more about what the stage before, another one by now, has not completed', () => {
    const all = three({ approval: true });
    commit(all);
    pass(all, 15 * minuteMs);
    expect(view(all)).toMatchObject({ revision: 1, state: 'AwaitingApproval' });
    const { fleet } = stageNamed(all, 'staging');
    fleet.state = { ...fleet.state, completed: [] };
    look(all);
    expect(view(all)).toBeNull();
    expect(kinds(all).at(-1)).toMatch(/it is none of the last that staging completed$/);
  });

  test('may bring an older one that was completed in the stage before, and nothing else', () => {
    const all = three();
    for (let at = 0; at < 2; at++) {
      commit(all);
      pass(all, 15 * minuteMs);
    }
    const reasonOf = (revision: number | null) => {
      const result = promoteBy(all, 'production', revision);
      return result.ok ? '' : result.reason;
    };
    expect(reasonOf(null)).toBe('no revision waits for production: completed in staging: 2, 1');
    expect(reasonOf(2)).toBe('production has revision 2 already');
    expect(reasonOf(3)).toMatch(
      /^revision 3 was not completed in staging .*"rollout start --stage production --revision 3"/,
    );
    expect(reasonOf(1)).toBe('');
    look(all);
    expect(revisionsIn(all, 'production')).toEqual([1, 1]);
    expect(reasonOf(1)).toBe('revision 1 is on its way in production already');
    stageNamed(all, 'staging').fleet.state = { ...stageNamed(all, 'staging').fleet.state, rejected: [2] };
    expect(reasonOf(2)).toMatch(/^revision 2 is Rejected/);
  });

  test('syncs each stage where sync is manual', () => {
    const all = three();
    all.automated = false;
    commit(all);
    expect(stageNamed(all, 'dev').fleet.state.waiting?.phase).toBe('AwaitingSync');
    all.automated = true;
    stageNamed(all, 'dev').newestProposed = 0;
    look(all);
    all.automated = false;
    pass(all, 5 * minuteMs);
    expect(stageNamed(all, 'staging').fleet.state.waiting).toMatchObject({
      phase: 'AwaitingSync',
      revision: 1,
    });
    expect(promoteBy(all, 'staging', 1)).toMatchObject({ ok: true });
    pass(all, minuteMs);
    expect(revisionsIn(all, 'staging')).toEqual([1, 1]);
    expect(stageNamed(all, 'staging').fleet.state.waiting).toBeNull();
  });
});
