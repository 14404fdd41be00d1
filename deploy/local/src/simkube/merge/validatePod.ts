/** Pods and templates of pods. */
import type { Json, JsonObject } from '../types.ts';
import { canonicalQuantity, quantityNano } from './quantity.ts';
import {
  duplicate,
  invalid,
  notFound,
  notNegative,
  notSupported,
  required,
  type FieldError,
} from './fieldErrors.ts';
import { isObject, itemsOf } from './shape.ts';
import { labelErrors } from './validateMetadata.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const PORT_MAX = 65_535;

export function validatePodSpec(spec: JsonObject, path: string): FieldError[] {
  const volumes = objectsOf(spec['volumes']);
  const names = new Set(volumes.map(({ name }) => name));
  const containers = objectsOf(spec['containers']);
  const errors = validateNames(volumes, `${path}.volumes`);
  if (containers.length === 0) errors.push(required(`${path}.containers`));
  for (const list of ['containers', 'initContainers']) {
    const seen = new Set<Json | undefined>();
    objectsOf(spec[list]).forEach((container, index) => {
      const at = `${path}.${list}[${index}]`;
      errors.push(...validateContainer(container, at, names));
      if (seen.has(container['name'])) errors.push(duplicate(`${at}.name`, container['name']));
      seen.add(container['name']);
    });
  }
  return [
    ...errors,
    ...notNegative(`${path}.terminationGracePeriodSeconds`, spec['terminationGracePeriodSeconds']),
  ];
}

function validateNames(items: JsonObject[], path: string): FieldError[] {
  const seen = new Set<Json | undefined>();
  return items.flatMap(({ name }, index) => {
    const field = `${path}[${index}].name`;
    if (typeof name !== 'string' || name === '') return [required(field)];
    const errors = labelErrors(field, name);
    if (seen.has(name)) errors.push(duplicate(field, name));
    seen.add(name);
    return errors;
  });
}

function validateContainer(container: JsonObject, at: string, volumes: Set<Json | undefined>): FieldError[] {
  const { name, image, imagePullPolicy } = container;
  const errors: FieldError[] = [];
  if (typeof name !== 'string' || name === '') errors.push(required(`${at}.name`));
  else errors.push(...labelErrors(`${at}.name`, name));
  if (typeof image !== 'string' || image === '') errors.push(required(`${at}.image`));
  objectsOf(container['ports']).forEach(({ containerPort }, index) => {
    errors.push(...containerPortErrors(`${at}.ports[${index}].containerPort`, containerPort));
  });
  objectsOf(container['env']).forEach((variable, index) => {
    if (!variable['name']) errors.push(required(`${at}.env[${index}].name`));
  });
  objectsOf(container['volumeMounts']).forEach((mount, index) => {
    const field = `${at}.volumeMounts[${index}]`;
    if (!mount['name']) errors.push(required(`${field}.name`));
    else if (!volumes.has(mount['name'])) errors.push(notFound(`${field}.name`, mount['name']));
    if (!mount['mountPath']) errors.push(required(`${field}.mountPath`));
  });
  if (imagePullPolicy !== undefined && !PULL_POLICIES.includes(String(imagePullPolicy)))
    errors.push(notSupported(`${at}.imagePullPolicy`, imagePullPolicy, PULL_POLICIES));
  return [...errors, ...validateResources(container, at)];
}

function containerPortErrors(field: string, port: Json | undefined): FieldError[] {
  if (port === undefined || port === 0) return [required(field)];
  return portErrors(field, port);
}

export function portErrors(field: string, port: Json | undefined): FieldError[] {
  const isPort = typeof port === 'number' && port >= 1 && port <= PORT_MAX;
  return isPort ? [] : [invalid(field, port, `must be between 1 and ${PORT_MAX}, inclusive`)];
}

function validateResources({ resources }: JsonObject, at: string): FieldError[] {
  const { limits, requests } = isObject(resources) ? resources : {};
  if (!isObject(limits) || !isObject(requests)) return [];
  return Object.entries(requests).flatMap(([name, request]) => {
    const [wanted, limit] = [quantityNano(String(request)), quantityNano(String(limits[name] ?? ''))];
    if (wanted === undefined || limit === undefined || wanted <= limit) return [];
    const text = canonicalQuantity(String(limits[name]));
    const detail = `must be less than or equal to ${name} limit of ${text}`;
    return [invalid(`${at}.resources.requests`, request, detail)];
  });
}

export function objectsOf(value: Json | undefined): JsonObject[] {
  return itemsOf(value).filter(isObject);
}
