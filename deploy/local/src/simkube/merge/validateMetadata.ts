/** Names, labels and annotations. */
import type { KubeObject } from '../types.ts';
import { invalid, required, tooLong, type FieldError } from './fieldErrors.ts';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const VALUE = `(${QUALIFIED})?`;
const LABEL_TEXT = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
const SUBDOMAIN_TEXT = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
const QUALIFIED_TEXT = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;
const VALUE_TEXT = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${VALUE}')`;
const LABEL_LENGTH_MAX = 63;
const SUBDOMAIN_LENGTH_MAX = 253;
/** Of all annotations of an object, keys and values. */
const ANNOTATION_BYTES_MAX = 262_144;
/** Names of these may hold what a path may hold: `system:controller:job-controller`. */
const PATH_NAMES = new Set(['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding']);

export function validateMetadata(object: KubeObject): FieldError[] {
  const { name, generateName, labels, annotations } = object.metadata;
  const errors: FieldError[] = [];
  if (!name && !generateName) errors.push(required('metadata.name', 'name or generateName is required'));
  else if (name) errors.push(...nameErrors(object.kind, name));
  errors.push(...validateLabels('metadata.labels', labels));
  if (bytesOf(annotations) > ANNOTATION_BYTES_MAX)
    errors.push(tooLong('metadata.annotations', ANNOTATION_BYTES_MAX));
  return errors;
}

export function validateLabels(field: string, labels: Record<string, string> | undefined): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const name = key.slice(key.indexOf('/') + 1);
    const errors: FieldError[] = [];
    if (!matches(QUALIFIED, name)) errors.push(invalid(field, key, QUALIFIED_TEXT));
    if (name.length > LABEL_LENGTH_MAX)
      errors.push(invalid(field, key, `name part must be no more than ${LABEL_LENGTH_MAX} bytes`));
    if (!matches(VALUE, value)) errors.push(invalid(field, value, VALUE_TEXT));
    if (value.length > LABEL_LENGTH_MAX)
      errors.push(invalid(field, value, `must be no more than ${LABEL_LENGTH_MAX} bytes`));
    return errors;
  });
}

/** A DNS label, such as a container's name. */
export function labelErrors(field: string, value: string): FieldError[] {
  if (value.length > LABEL_LENGTH_MAX)
    return [invalid(field, value, `must be no more than ${LABEL_LENGTH_MAX} bytes`)];
  return matches(LABEL, value) ? [] : [invalid(field, value, LABEL_TEXT)];
}

function bytesOf(texts: Record<string, string> | undefined): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(texts ?? {}))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes;
}

function nameErrors(kind: string, name: string): FieldError[] {
  const field = 'metadata.name';
  if (PATH_NAMES.has(kind)) {
    if (name === '.' || name === '..') return [invalid(field, name, `may not be '${name}'`)];
    const bad = ['/', '%'].find((character) => name.includes(character));
    return bad === undefined ? [] : [invalid(field, name, `may not contain '${bad}'`)];
  }
  if (kind === 'Namespace' && name.includes('.')) return [invalid(field, name, 'must not contain dots')];
  if (kind === 'Namespace' || kind === 'Service') return labelErrors(field, name);
  if (name.length > SUBDOMAIN_LENGTH_MAX)
    return [invalid(field, name, `must be no more than ${SUBDOMAIN_LENGTH_MAX} bytes`)];
  return matches(SUBDOMAIN, name) ? [] : [invalid(field, name, SUBDOMAIN_TEXT)];
}

function matches(pattern: string, value: string): boolean {
  return new RegExp(`^(?:${pattern})$`).test(value);
}
