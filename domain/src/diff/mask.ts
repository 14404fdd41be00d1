/**
 * What must not leave the process: values of Secrets and other sensitive fields, replaced so that one still sees *that* they
 * differ. A placeholder never tells a length, and equal values on both sides get equal ones.
 */
import { identityOf } from '../object/identity.ts';
import { isMap } from '../object/metadata.ts';
import type { Json, KubeObject } from '../object/types.ts';
import { withoutBookkeeping } from './bookkeeping.ts';
import { jsonEqual, jsonPatch, type PatchOperation } from './jsonPatch.ts';
import { getAt, parsePointer, setAt } from './pointer.ts';

/** Further sensitive fields, by kind. */
export interface MaskRule {
  group?: string;
  kind: string;
  jsonPointers: string[];
}

export const masked = '<masked>';
export const maskedBefore = '<masked: before>';
export const maskedAfter = '<masked: after>';

/** One object alone. Without managedFields, whose keys may quote values. */
export function maskObject(object: KubeObject, rules: MaskRule[] = []): KubeObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  const bare = { ...object, metadata } as KubeObject;
  return replaced(bare, sensitiveSites(bare, rules), () => masked);
}

/** Two sides of a diff: equal values get equal placeholders, unequal ones unequal. */
export function maskPair(
  from: KubeObject | null,
  to: KubeObject | null,
  rules: MaskRule[] = [],
): [KubeObject | null, KubeObject | null] {
  if (from === null || to === null) return [from && maskObject(from, rules), to && maskObject(to, rules)];
  const [sitesFrom, sitesTo] = [sensitiveSites(from, rules), sensitiveSites(to, rules)];
  const valuesFrom = new Map(sitesFrom.map((site) => [site.name, site.value]));
  const valuesTo = new Map(sitesTo.map((site) => [site.name, site.value]));
  const differs = (name: string) => {
    const [before, after] = [valuesFrom.get(name), valuesTo.get(name)];
    return before !== undefined && after !== undefined && !jsonEqual(before, after);
  };
  return [
    replaced(from, sitesFrom, (site) => (differs(site.name) ? maskedBefore : masked)),
    replaced(to, sitesTo, (site) => (differs(site.name) ? maskedAfter : masked)),
  ];
}

/** `jsonPatch` of the masked pair, status and the server's bookkeeping left out. A missing side is null. */
export function maskedDiff(
  from: KubeObject | null,
  to: KubeObject | null,
  rules: MaskRule[] = [],
): PatchOperation[] {
  const [before, after] = maskPair(from && withoutBookkeeping(from), to && withoutBookkeeping(to), rules);
  return jsonPatch(before, after);
}

/** A sensitive value: where it is, and a name that stays the same when lists are reordered. */
interface Site {
  keys: string[];
  name: string;
  value: Json;
}

function replaced(object: KubeObject, sites: Site[], placeholder: (site: Site) => string): KubeObject {
  return sites.reduce<Json>(
    (changed, site) => setAt(changed, site.keys, placeholder(site)),
    object,
  ) as KubeObject;
}

/** Holds a copy of the whole object, secrets included. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

function sensitiveSites(object: KubeObject, rules: MaskRule[]): Site[] {
  const { group, kind } = identityOf(object);
  const places = [['metadata', 'annotations', lastApplied]];
  if (kind === 'Secret' && group === '') {
    for (const field of ['data', 'stringData']) {
      const map = object[field];
      if (isMap(map)) places.push(...Object.keys(map).map((key) => [field, key]));
    }
  }
  for (const rule of rules) {
    if (rule.kind !== kind || (rule.group !== undefined && rule.group !== group)) continue;
    for (const pointer of rule.jsonPointers) {
      const keys = parsePointer(pointer);
      if (keys !== null && keys.length > 0) places.push(keys);
    }
  }
  const sites: Site[] = [];
  for (const keys of places) {
    const value = getAt(object, keys);
    if (value !== undefined) sites.push({ keys, name: keys.join('/'), value });
  }
  walk(object, [], '', sites);
  return sites;
}

/** Fields that hold a secret by their name, and environment variables that do by theirs. References (`secretName`) are none. */
const secretKey =
  /^(.*[-_.])?(admin|root|user|client|access|api|private|secret|auth|bearer)?[-_]?(password|passwd|passphrase|secret|token|key)$/i;
const plainKey = /^(key|secret)$/i;
const secretVariable =
  /(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)/i;

function walk(value: Json, keys: string[], name: string, into: Site[]): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      const itemName = isMap(item) && typeof item['name'] === 'string' ? item['name'] : String(index);
      walk(item, [...keys, String(index)], `${name}/${itemName}`, into);
    });
    return;
  }
  if (!isMap(value)) return;
  const variable = value['name'];
  for (const [key, child] of Object.entries(value)) {
    const isVariable = key === 'value' && typeof variable === 'string' && secretVariable.test(variable);
    const isNamed = secretKey.test(key) && !plainKey.test(key);
    const site = { keys: [...keys, key], name: `${name}/${key}`, value: child };
    if (typeof child === 'string' && child !== '' && (isVariable || isNamed)) into.push(site);
    else walk(child, site.keys, site.name, into);
  }
}
