import { describe, expect, test } from 'vitest';
import { targetResourceOf } from './targetResource.ts';
import type { TargetRow } from './targets.store.ts';

const row: TargetRow = {
  id: 't',
  application_id: 'a',
  application: 'web',
  project: 'default',
  cluster_id: 'c',
  cluster: 'north',
  cluster_state: 'Active',
  stage: '',
  agent_refused: null,
  refused: null,
  last_seen_at: new Date(0),
  state: 'Active',
  removal: null,
  assignment: 1n,
  revision_number: 1,
  bundle: null,
  reads: null,
  render_error: null,
  pinned_revision: null,
  pin_reason: null,
  leaving_since: null,
  leaving_held: false,
  believed: true,
  observed_assignment: 1n,
  observed_revision: 1,
  observed_bundle: 'b',
  observed_sync: 'Synced',
  observed_health: 'Healthy',
  health_message: '',
  operation_phase: null,
  operation_message: '',
  operation_assignment: null,
  conditions: [],
  application_conditions: [],
  changed_at: null,
  flaps: null,
  newest_revision: 1,
  rollout: null,
};

function conditionsOf(change: Partial<TargetRow>): object[] {
  return targetResourceOf({ ...row, ...change }).conditions;
}

describe('conditions of a target', () => {
  test('what stands in the way of a newer revision is said after what the agent says', () => {
    const render = { type: 'RenderError', message: 'revision 2: web/a.yaml, document 1, line 1: not YAML' };
    const own = { type: 'Conflict' as const, message: 'two managers' };
    expect(conditionsOf({ conditions: [own], application_conditions: [render] })).toEqual([own, render]);
  });

  test('a question about the whole application is asked there', () => {
    expect(conditionsOf({ application_conditions: [{ type: 'DropHeld', message: 'confirm' }] })).toEqual([]);
  });

  test('why its agent is not let in comes before why it takes nothing newer', () => {
    expect(conditionsOf({ agent_refused: 'its agent is refused', refused: 'disk: full' })).toEqual([
      { type: 'AgentRefused', message: 'its agent is refused' },
      {
        type: 'NotAccepted',
        message: 'the agent refuses its newest desired state and keeps what it had: disk: full',
      },
    ]);
  });
});
