/** A plan's bytes as they come from an agent → types, strictly; unknown fields are left out. */
import { decodeBytes, digestForm } from '../desired/envelope.ts';
import {
  countAt,
  fieldsOf,
  flagAt,
  has,
  listAt,
  objectAt,
  oneOfAt,
  textAt,
  type Fields,
} from '../desired/fields.ts';
import type { Parsed } from '../desired/parse.ts';
import { hookPhases } from '../object/annotations.ts';
import {
  noCounts,
  planFailReasons,
  plannedActions,
  type FieldChange,
  type Omitted,
  type PlanCounts,
  type PlannedObject,
  type TargetPlan,
} from './plan.ts';

export function parsePlan(bytes: Uint8Array): Parsed<TargetPlan> {
  try {
    return { ok: true, value: readPlan(fieldsOf(decodeBytes(bytes), '')) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function readPlan(fields: Fields): TargetPlan {
  return {
    counts: readCounts(objectAt(fields, 'counts')),
    objects: listAt(fields, 'objects', readPlanned),
    omitted: readOmitted(fields),
  };
}

function readCounts(fields: Fields): PlanCounts {
  const counts = noCounts();
  for (const action of plannedActions) counts[action] = countAt(fields, action);
  return counts;
}

function readOmitted(fields: Fields): Omitted | null {
  if (!has(fields, 'omitted')) return null;
  const omitted = objectAt(fields, 'omitted');
  return { count: countAt(omitted, 'count', 1), digest: textAt(omitted, 'digest', digestForm) };
}

function readPlanned(fields: Fields): PlannedObject {
  const identity = objectAt(fields, 'object');
  const object = {
    group: textAt(identity, 'group'),
    kind: textAt(identity, 'kind'),
    namespace: textAt(identity, 'namespace'),
    name: textAt(identity, 'name'),
  };
  const action = oneOfAt(fields, 'action', plannedActions);
  switch (action) {
    case 'create':
      return { object, action, content: textAt(fields, 'content', digestForm), note: textAt(fields, 'note') };
    case 'change':
      return {
        object,
        action,
        fields: listAt(fields, 'fields', readField),
        omitted: readOmitted(fields),
        recreated: flagAt(fields, 'recreated'),
        note: textAt(fields, 'note'),
      };
    case 'keep':
      return { object, action, reason: textAt(fields, 'reason') };
    case 'run':
      return { object, action, phase: oneOfAt(fields, 'phase', hookPhases), note: textAt(fields, 'note') };
    case 'fail': {
      const reason = oneOfAt(fields, 'reason', planFailReasons);
      return { object, action, reason, message: textAt(fields, 'message') };
    }
    case 'unknown':
      return { object, action, message: textAt(fields, 'message') };
    case 'delete':
      return { object, action };
    case 'unchanged':
      throw new Error('unchanged objects are counted, not listed');
  }
}

function readField(fields: Fields): FieldChange {
  return {
    path: textAt(fields, 'path'),
    before: has(fields, 'before') ? textAt(fields, 'before') : null,
    after: has(fields, 'after') ? textAt(fields, 'after') : null,
  };
}
