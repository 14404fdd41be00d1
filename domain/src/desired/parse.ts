/** Head and body bytes → types, strictly; unknown fields are ignored. What is wrong is that entry's error, never the set's. */
import { decodeBytes, digestForm, headStates } from './envelope.ts';
import { readBody } from './parseBody.ts';
import type { Body, Head, HeadOperation } from './entry.ts';
import {
  countAt,
  fieldsOf,
  flagAt,
  has,
  objectAt,
  oneOfAt,
  optional,
  textAt,
  type Fields,
} from './fields.ts';
import type { DesiredSet } from './set.ts';

export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string };

const removalModes = ['delete', 'orphan', 'detach'] as const;
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function parseHead(bytes: Uint8Array): Parsed<Head> {
  return parsed(bytes, readHead);
}

export function parseBody(bytes: Uint8Array): Parsed<Body> {
  return parsed(bytes, readBody);
}

function parsed<T>(bytes: Uint8Array, read: (fields: Fields) => T): Parsed<T> {
  try {
    return { ok: true, value: read(fieldsOf(decodeBytes(bytes), '')) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function readHead(fields: Fields): Head {
  const state = oneOfAt(fields, 'state', headStates);
  const bundle = objectAt(fields, 'bundle');
  return {
    target: textAt(fields, 'target', uuidForm),
    state,
    ...(state === 'Removing' ? { removal: oneOfAt(fields, 'removal', removalModes) } : {}),
    assignment: countAt(fields, 'assignment', 1),
    revision: countAt(fields, 'revision'),
    bundle: { digest: textAt(bundle, 'digest', digestForm), sizeBytes: countAt(bundle, 'sizeBytes') },
    deletesMax: countAt(fields, 'deletesMax'),
    operation: has(fields, 'operation') ? readOperation(objectAt(fields, 'operation')) : {},
    body: textAt(fields, 'body', digestForm),
  };
}

function readOperation(fields: Fields): HeadOperation {
  return {
    ...optional(fields, 'skipHooks', () => flagAt(fields, 'skipHooks')),
    ...optional(fields, 'force', () => flagAt(fields, 'force')),
    ...optional(fields, 'initiatedBy', () => textAt(fields, 'initiatedBy')),
  };
}

export interface DesiredEntry {
  target: string;
  head: Head;
  body: Body;
}

export interface EntryProblem {
  target: string;
  reason: string;
}

/** The whole set: each distinct body is parsed once. Entries are sorted by target. */
export function parseSet(set: DesiredSet): { entries: DesiredEntry[]; problems: EntryProblem[] } {
  const bodies = new Map([...set.bodies].map(([digest, bytes]) => [digest, parseBody(bytes)]));
  const entries: DesiredEntry[] = [];
  const problems: EntryProblem[] = [];
  for (const { target, head: bytes, bodyDigest } of set.entries.values()) {
    const head = parseHead(bytes);
    const body = bodies.get(bodyDigest);
    if (!head.ok) problems.push({ target, reason: `head: ${head.reason}` });
    else if (head.value.target !== target)
      problems.push({ target, reason: `head: it is of ${head.value.target}` });
    else if (!body?.ok) problems.push({ target, reason: `body: ${body?.reason ?? 'it is not held'}` });
    else entries.push({ target, head: head.value, body: body.value });
  }
  return { entries: entries.sort((a, b) => (a.target < b.target ? -1 : 1)), problems };
}
