/** What single builtin kinds ask for beyond their types. */
import type { Json, JsonObject, KubeObject } from '../types.ts';
import {
  duplicate,
  invalid,
  notNegative,
  notSupported,
  required,
  tooLong,
  type FieldError,
} from './fieldErrors.ts';
import { isEqual, isObject } from './shape.ts';
import { validateLabels } from './validateMetadata.ts';
import { objectsOf, portErrors, validatePodSpec } from './validatePod.ts';

type Check = (object: KubeObject) => FieldError[];

const KEY = /^[-._a-zA-Z0-9]+$/;
const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const SERVICE_TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const CRON_FIELDS = 5;
/** Of all values of a ConfigMap or Secret. */
const DATA_BYTES_MAX = 1_048_576;

export const KIND_CHECKS: Record<string, Check> = {
  'apps/Deployment': validateWorkload,
  'apps/ReplicaSet': validateWorkload,
  'apps/StatefulSet': validateWorkload,
  'apps/DaemonSet': validateWorkload,
  'batch/Job': (job) => validateJobSpec(at(job, 'spec'), 'spec'),
  'batch/CronJob': validateCronJob,
  '/Pod': (pod) => validatePodSpec(at(pod, 'spec'), 'spec'),
  '/Service': validateService,
  '/ConfigMap': (map) => [...validateKeys(map), ...validateSize(map, '[]')],
  '/Secret': (secret) => [...validateKeys(secret), ...validateSize(secret, 'data')],
  '/PersistentVolumeClaim': validateClaim,
  'networking.k8s.io/Ingress': validateIngress,
  'rbac.authorization.k8s.io/Role': validateRole,
  'rbac.authorization.k8s.io/ClusterRole': validateRole,
  'rbac.authorization.k8s.io/RoleBinding': validateBinding,
  'rbac.authorization.k8s.io/ClusterRoleBinding': validateBinding,
  'apiextensions.k8s.io/CustomResourceDefinition': validateDefinition,
};

function at(object: unknown, name: string): JsonObject {
  const value = isObject(object as Json) ? (object as JsonObject)[name] : undefined;
  return isObject(value) ? value : {};
}

function validateWorkload(object: KubeObject): FieldError[] {
  const spec = at(object, 'spec');
  const names = ['replicas', 'minReadySeconds', 'progressDeadlineSeconds', 'revisionHistoryLimit'];
  const errors = names.flatMap((name) => notNegative(`spec.${name}`, spec[name]));
  const template = at(spec, 'template');
  const labels = at(template, 'metadata')['labels'];
  if (!isObject(spec['selector'])) errors.push(required('spec.selector'));
  const wanted = at(at(spec, 'selector'), 'matchLabels');
  const isSelected = Object.entries(wanted).every(([key, value]) =>
    isEqual(at({ labels }, 'labels')[key], value),
  );
  if (!isObject(spec['selector']) || !isSelected)
    errors.push(
      invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
  errors.push(
    ...validateLabels('spec.template.metadata.labels', labels as Record<string, string> | undefined),
  );
  errors.push(...validatePodSpec(at(template, 'spec'), 'spec.template.spec'));
  const { restartPolicy } = at(template, 'spec');
  if (restartPolicy !== undefined && restartPolicy !== 'Always')
    errors.push(notSupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']));
  return errors;
}

function validateJobSpec(spec: JsonObject, path: string): FieldError[] {
  const names = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
  ];
  const template = at(at(spec, 'template'), 'spec');
  const errors = names.flatMap((name) => notNegative(`${path}.${name}`, spec[name]));
  errors.push(...validatePodSpec(template, `${path}.template.spec`));
  if (template['restartPolicy'] === 'Always')
    errors.push(required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'));
  return errors;
}

function validateCronJob(object: KubeObject): FieldError[] {
  const { schedule, ...spec } = at(object, 'spec');
  const errors: FieldError[] = [];
  const fields = String(schedule ?? '')
    .split(/\s+/)
    .filter(Boolean);
  if (fields.length === 0) errors.push(required('spec.schedule'));
  else if (fields.length !== CRON_FIELDS && !fields[0]?.startsWith('@')) {
    const detail = `expected exactly ${CRON_FIELDS} fields, found ${fields.length}: [${fields.join(' ')}]`;
    errors.push(invalid('spec.schedule', schedule, detail));
  }
  return [...errors, ...validateJobSpec(at(at(spec, 'jobTemplate'), 'spec'), 'spec.jobTemplate.spec')];
}

function validateService(object: KubeObject): FieldError[] {
  const spec = at(object, 'spec');
  const ports = objectsOf(spec['ports']);
  const errors: FieldError[] = [];
  const needsPorts = spec['clusterIP'] !== 'None' && spec['type'] !== 'ExternalName';
  if (ports.length === 0 && needsPorts) errors.push(required('spec.ports'));
  const seen = new Set<string>();
  ports.forEach(({ name, port, targetPort, protocol }, index) => {
    const field = `spec.ports[${index}]`;
    if (ports.length > 1 && !name) errors.push(required(`${field}.name`));
    errors.push(...portErrors(`${field}.port`, port));
    if (typeof targetPort === 'number') errors.push(...portErrors(`${field}.targetPort`, targetPort));
    const key = `${String(protocol)}/${String(port)}`;
    if (seen.has(key)) errors.push(duplicate(field, { name, protocol, port, targetPort }));
    seen.add(key);
  });
  if (!SERVICE_TYPES.includes(String(spec['type'])))
    errors.push(notSupported('spec.type', spec['type'], SERVICE_TYPES));
  return errors;
}

function validateKeys(object: KubeObject): FieldError[] {
  return ['data', 'binaryData'].flatMap((name) =>
    Object.keys(at(object, name))
      .filter((key) => !KEY.test(key))
      .map((key) => invalid(`${name}[${key}]`, key, KEY_TEXT)),
  );
}

function validateSize(object: KubeObject, field: string): FieldError[] {
  const texts = Object.values(at(object, 'data')).map(String);
  const encoded = [...Object.values(at(object, 'binaryData')).map(String)];
  if (object.kind === 'Secret') encoded.push(...texts.splice(0));
  const bytes =
    texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) +
    encoded.reduce((sum, text) => sum + Buffer.byteLength(text, 'base64'), 0);
  return bytes > DATA_BYTES_MAX ? [tooLong(field, DATA_BYTES_MAX)] : [];
}

function validateDefinition(object: KubeObject): FieldError[] {
  const spec = at(object, 'spec');
  const { name = '' } = object.metadata;
  const errors: FieldError[] = [];
  if (name !== `${String(at(spec, 'names')['plural'])}.${String(spec['group'])}`)
    errors.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  if (objectsOf(spec['versions']).filter(({ storage }) => storage === true).length !== 1)
    errors.push(
      invalid('spec.versions', spec['versions'], 'must have exactly one version marked as storage version'),
    );
  return errors;
}

function validateClaim(object: KubeObject): FieldError[] {
  const spec = at(object, 'spec');
  const errors: FieldError[] = [];
  if (!Array.isArray(spec['accessModes']) || spec['accessModes'].length === 0)
    errors.push(required('spec.accessModes', 'at least 1 access mode is required'));
  if (at(at(spec, 'resources'), 'requests')['storage'] === undefined)
    errors.push(required('spec.resources[storage]'));
  return errors;
}

function validateIngress(object: KubeObject): FieldError[] {
  return objectsOf(at(object, 'spec')['rules']).flatMap((rule, ruleIndex) =>
    objectsOf(at(rule, 'http')['paths']).flatMap(({ pathType }, index) => {
      const field = `spec.rules[${ruleIndex}].http.paths[${index}].pathType`;
      return pathType === undefined ? [required(field, 'pathType must be specified')] : [];
    }),
  );
}

function validateRole(object: KubeObject): FieldError[] {
  return objectsOf(object['rules'] as Json | undefined).flatMap(({ verbs }, index) =>
    Array.isArray(verbs) && verbs.length > 0
      ? []
      : [required(`rules[${index}].verbs`, 'verbs must contain at least one value')],
  );
}

function validateBinding(object: KubeObject): FieldError[] {
  const role = at(object, 'roleRef');
  const kinds = object.kind === 'RoleBinding' ? ['ClusterRole', 'Role'] : ['ClusterRole'];
  const errors: FieldError[] = [];
  if (!kinds.includes(String(role['kind']))) errors.push(notSupported('roleRef.kind', role['kind'], kinds));
  if (!role['name']) errors.push(required('roleRef.name'));
  objectsOf(object['subjects'] as Json | undefined).forEach(({ kind, name, namespace }, index) => {
    if (!name) errors.push(required(`subjects[${index}].name`));
    if (kind === 'ServiceAccount' && !namespace) errors.push(required(`subjects[${index}].namespace`));
  });
  return errors;
}
