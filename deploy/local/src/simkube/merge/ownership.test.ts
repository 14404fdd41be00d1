import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RecordedScenario, RecordedStep } from '../schema/gen/recordOwnership.ts';
import { WIDGET_SCHEMA } from '../schema/gen/scenarios.ts';
import type { OpenApiNode } from '../schema/openApi.ts';
import { schemaOfCrd, schemaOfKind, type Schema } from '../schema/schema.ts';
import { gvkOf, type JsonObject, type KubeObject } from '../types.ts';
import { applyServerSide, conflictMessage } from './applyServerSide.ts';
import { withDefaults } from './defaults.ts';
import { jsonMergePatch } from './jsonMergePatch.ts';
import { jsonPatch, type JsonPatchOperation } from './jsonPatch.ts';
import { strategicMergePatch } from './strategicMergePatch.ts';
import { trackWrite } from './trackWrite.ts';
import { withoutAddress } from './service.fixture.ts';

const scenarios = JSON.parse(
  readFileSync(new URL('../schema/recorded-ownership.json', import.meta.url), 'utf8'),
) as RecordedScenario[];

const widgets = schemaOfCrd(WIDGET_SCHEMA as OpenApiNode, { statusSubresource: true });

interface Played {
  object: KubeObject | null;
  message: string | undefined;
}

function play(
  live: KubeObject | null,
  step: RecordedStep,
  scenario: RecordedScenario,
  name: string,
  nowIso: string,
): Played {
  const { apiVersion, kind } = scenario;
  const schema: Schema = kind === 'Widget' ? widgets : (schemaOfKind(gvkOf({ apiVersion, kind })) as Schema);
  const subresource = step.subresource === undefined ? {} : { subresource: step.subresource };
  const about = { manager: step.manager, schema, apiVersion, nowIso, ...subresource };
  const sent = { apiVersion, kind, ...step.body } as KubeObject;
  if (!Array.isArray(step.body)) sent.metadata = { ...sent.metadata, name };
  if (step.verb === 'apply') {
    const outcome = applyServerSide({ ...about, live, applied: sent, force: step.force ?? false });
    if (outcome.outcome === 'applied') return { object: outcome.object, message: undefined };
    const message = outcome.outcome === 'conflict' ? conflictMessage(outcome.conflicts) : outcome.message;
    return { object: live, message };
  }
  const base = step.verb === 'create' ? sent : patched(live as KubeObject, step, sent, schema);
  if (typeof base === 'string') return { object: live, message: base };
  const after = withDefaults(base, schema);
  // What the endpoint does not change is put back by whoever serves it.
  if (step.subresource === 'status') after['spec'] = live?.['spec'];
  else if (live?.['status'] !== undefined) after['status'] = live['status'];
  const before = step.verb === 'create' ? null : live;
  return { object: trackWrite({ ...about, before, after, operation: 'Update' }), message: undefined };
}

function patched(
  live: KubeObject,
  step: RecordedStep,
  sent: KubeObject,
  schema: Schema,
): KubeObject | string {
  if (step.verb === 'merge') return jsonMergePatch(live, sent as unknown as JsonObject);
  if (step.verb === 'strategic') return strategicMergePatch(live, sent as unknown as JsonObject, schema);
  const outcome = jsonPatch(live, step.body as unknown as JsonPatchOperation[]);
  return outcome.outcome === 'patched' ? outcome.object : outcome.message;
}

function steady(object: KubeObject): unknown {
  const { namespace: _namespace, managedFields, ...metadata } = object.metadata;
  const entries = managedFields
    ?.map(({ time, ...entry }) => ({ ...entry, hasTime: time !== undefined }))
    .sort((a, b) => (`${a.operation}${a.manager}` < `${b.operation}${b.manager}` ? -1 : 1));
  return { ...object, metadata: { ...metadata, ...(entries ? { managedFields: entries } : {}) } };
}

function recordedObject(answer: JsonObject): Record<string, unknown> {
  const { namespace: _namespace, managedFields, ...metadata } = answer['metadata'] as JsonObject;
  const entries = (managedFields as { operation: string; manager: string }[] | undefined)?.toSorted((a, b) =>
    `${a.operation}${a.manager}` < `${b.operation}${b.manager}` ? -1 : 1,
  );
  return { ...answer, metadata: { ...metadata, ...(entries ? { managedFields: entries } : {}) } };
}

describe('ownership of fields is that of the real API server', () => {
  test.each(scenarios.map((scenario, index) => [scenario.name, scenario, index] as const))(
    '%s',
    (_name, scenario, index) => {
      let live: KubeObject | null = null;
      for (const [number, step] of scenario.steps.entries()) {
        const played = play(live, step, scenario, `scenario-${index}`, `2026-01-01T00:00:0${number}Z`);
        const where = `step ${number}`;
        if (step.status >= 300) {
          expect(played.message, where).toBe(step.answer['message']);
          continue;
        }
        expect(played.message, where).toBeUndefined();
        expect(steady(played.object as KubeObject), where).toEqual(
          withoutAddress(recordedObject(step.answer)),
        );
        const isChanged = JSON.stringify(played.object) !== JSON.stringify(live);
        expect(isChanged, `${where} changes`).toBe(step.changed);
        live = played.object;
      }
    },
  );
});
