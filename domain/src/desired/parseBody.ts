/** The body of an entry, field by field. */
import type { Body, HealthRule, IgnoreRule, RetryPolicy, SyncOptions } from './entry.ts';
import {
  countAt,
  flagAt,
  listAt,
  numberAt,
  objectAt,
  oneOfAt,
  optional,
  textAt,
  textMapAt,
  textsAt,
  type Fields,
} from './fields.ts';

/** @throws FieldError */
export function readBody(fields: Fields): Body {
  const application = objectAt(fields, 'application');
  const prune = objectAt(fields, 'prune');
  const allowed = objectAt(fields, 'allowed');
  return {
    application: {
      id: textAt(application, 'id', /^[^/:\s]+$/),
      name: textAt(application, 'name'),
      project: textAt(application, 'project'),
    },
    destinationNamespace: textAt(fields, 'destinationNamespace'),
    sync: readSync(objectAt(fields, 'sync')),
    prune: { enabled: flagAt(prune, 'enabled'), allowEmpty: flagAt(prune, 'allowEmpty') },
    retry: readRetry(objectAt(fields, 'retry')),
    timeouts: { syncWaveMs: countAt(objectAt(fields, 'timeouts'), 'syncWaveMs', 1) },
    ignore: listAt(fields, 'ignore', readIgnore),
    health: listAt(fields, 'health', readHealth),
    dependsOn: textsAt(fields, 'dependsOn'),
    allowed: {
      namespaces: textsAt(allowed, 'namespaces'),
      clusterKinds: textsAt(allowed, 'clusterKinds'),
      namespacedKindsDenied: textsAt(allowed, 'namespacedKindsDenied'),
    },
    ...optional(fields, 'serviceAccount', () => textAt(fields, 'serviceAccount', /^[^/\s]+\/[^/\s]+$/)),
  };
}

function readSync(fields: Fields): SyncOptions {
  return {
    createNamespace: flagAt(fields, 'createNamespace'),
    ...optional(fields, 'managedNamespaceMetadata', () =>
      readNamespaceMetadata(objectAt(fields, 'managedNamespaceMetadata')),
    ),
    pruneLast: flagAt(fields, 'pruneLast'),
    prunePropagation: oneOfAt(fields, 'prunePropagation', ['foreground', 'background', 'orphan']),
    replace: flagAt(fields, 'replace'),
    force: flagAt(fields, 'force'),
    validate: oneOfAt(fields, 'validate', ['server', 'none']),
    skipDryRunOnMissingResource: flagAt(fields, 'skipDryRunOnMissingResource'),
    adopt: flagAt(fields, 'adopt'),
    selfHeal: flagAt(fields, 'selfHeal'),
  };
}

function readNamespaceMetadata(fields: Fields): NonNullable<SyncOptions['managedNamespaceMetadata']> {
  return {
    ...optional(fields, 'labels', () => textMapAt(fields, 'labels')),
    ...optional(fields, 'annotations', () => textMapAt(fields, 'annotations')),
  };
}

function readRetry(fields: Fields): RetryPolicy {
  return {
    limit: countAt(fields, 'limit'),
    backoffMs: countAt(fields, 'backoffMs'),
    backoffFactor: numberAt(fields, 'backoffFactor', 1),
    backoffMaxMs: countAt(fields, 'backoffMaxMs'),
  };
}

function readIgnore(fields: Fields): IgnoreRule {
  return {
    ...optional(fields, 'group', () => textAt(fields, 'group')),
    ...optional(fields, 'kind', () => textAt(fields, 'kind')),
    ...optional(fields, 'name', () => textAt(fields, 'name')),
    ...optional(fields, 'namespace', () => textAt(fields, 'namespace')),
    ...optional(fields, 'jsonPointers', () => textsAt(fields, 'jsonPointers')),
    ...optional(fields, 'jqPathExpressions', () => textsAt(fields, 'jqPathExpressions')),
    ...optional(fields, 'managedFieldsManagers', () => textsAt(fields, 'managedFieldsManagers')),
  };
}

function readHealth(fields: Fields): HealthRule {
  return {
    group: textAt(fields, 'group'),
    kind: textAt(fields, 'kind'),
    ...optional(fields, 'current', () => textAt(fields, 'current')),
    ...optional(fields, 'inProgress', () => textAt(fields, 'inProgress')),
    ...optional(fields, 'failed', () => textAt(fields, 'failed')),
  };
}
