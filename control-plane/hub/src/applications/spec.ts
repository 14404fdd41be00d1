/**
 * The spec of an application, as people write it and as it is stored: strict, so that a misspelt field is an error
 * and not a silent default; complete, so that whoever reads a stored spec finds every default filled in.
 */
import { basePath } from '@flotilla/domain/template/path';
import { hasTemplate, parseTemplate } from '@flotilla/domain/template/parse';
import { z } from 'zod';

export const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const duration = z
  .int()
  .min(0)
  .max(365 * 24 * 3600 * 1000);
const globs = z
  .array(z.string().min(1).max(256))
  .max(100)
  .describe('globs over file paths relative to the source path, e.g. "**/*.yaml"');

export const applicationName = z
  .string()
  .regex(
    dnsLabel,
    'must be a DNS label: lower-case letters, digits and "-", at most 63 characters, e.g. "guestbook"',
  );

/** Of a branch or a tag. */
export const refName = z
  .string()
  .min(1)
  .max(255)
  // What git's own check-ref-format refuses, and what a command line could take for an option.
  .refine(
    (name) => !/^[-/]|[\s~^:?*[\\\p{Cc}]|\.\.|@\{|\/\/|\.lock$|[./]$/u.test(name),
    'is not a valid Git ref name',
  );

const ref = z
  .union(
    [
      z.strictObject({ branch: refName }),
      z.strictObject({ tag: refName }),
      z.strictObject({ commit: z.string().regex(/^[0-9a-f]{40}$/) }),
    ],
    'must be exactly one of {"branch": name}, {"tag": name} and {"commit": 40 lower-case hex digits}',
  )
  .describe('exactly one of branch, tag or commit');

const path = z
  .string()
  .max(1024)
  .refine(
    (text) => !text.startsWith('/'),
    'must be relative to the root of the repository, without a leading "/"',
  )
  .refine((text) => !text.split('/').includes('..'), 'must not contain ".."')
  .refine((text) => !/[\p{Cc}\\]/u.test(text), 'must not contain control characters or "\\"')
  .transform(
    (text) =>
      text
        .split('/')
        .filter((part) => part !== '' && part !== '.')
        .join('/') || '.',
  )
  .describe('folder in the repository; "." is its root');

const directory = z
  .strictObject({
    recurse: z.boolean().default(false),
    include: globs.default([]),
    exclude: globs.default([]),
  })
  .default({ recurse: false, include: [], exclude: [] });

const source = z
  .strictObject({
    repository: z.string().min(1).max(253).describe('name or id of a repository of the same project'),
    ref,
    path: path.default('.'),
    template: z
      .boolean()
      .default(false)
      .describe(
        '{{ cluster.name }}, {{ cluster.labels.x }} and {{ cluster.facts.y }} in the values of its manifests and in its path',
      ),
    directory,
  })
  .superRefine(({ path: written, template }, context) => {
    if (!hasTemplate(written)) return;
    const parsed = parseTemplate(written);
    const message = template
      ? !parsed.ok && `${parsed.problem.expression}: ${parsed.problem.message}`
      : 'has a template: set "template": true beside it';
    if (message !== false) context.addIssue({ code: 'custom', path: ['path'], message });
  });

const labelValue = z.string().max(63);
const requirement = z.discriminatedUnion('operator', [
  z.strictObject({
    key: z.string().min(1),
    operator: z.enum(['In', 'NotIn']),
    values: z.array(labelValue).min(1),
  }),
  z.strictObject({ key: z.string().min(1), operator: z.enum(['Exists', 'DoesNotExist']) }),
]);

/** Names or globs, or labels; a cluster that either picks is meant. */
export const clusterSelection = z.strictObject({
  names: z.array(z.string().min(1).max(253)).max(10_000).optional(),
  selector: z
    .strictObject({
      matchLabels: z.record(z.string(), labelValue).optional(),
      matchExpressions: z.array(requirement).optional(),
    })
    .optional(),
});

const placement = z
  .strictObject({ clusters: clusterSelection })
  .refine(
    ({ clusters }) => clusters.names !== undefined || clusters.selector !== undefined,
    'must give "clusters.names" or "clusters.selector"; {"clusters":{"selector":{}}} means every cluster of the project',
  );

const pointer = z.string().max(1024).startsWith('/', 'must be a JSON pointer, e.g. "/spec/replicas"');
const given = z.unknown().refine((value) => value !== undefined, 'is missing');
const patchOperation = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('add'), path: pointer, value: given }),
  z.strictObject({ op: z.literal('replace'), path: pointer, value: given }),
  z.strictObject({ op: z.literal('remove'), path: pointer }),
]);

const override = z.strictObject({
  clusters: clusterSelection.refine(
    ({ names, selector }) => names !== undefined || selector !== undefined,
    'must give "names" or "selector"',
  ),
  patches: z
    .array(
      z.strictObject({
        target: z.strictObject({
          group: z.string().max(253).optional(),
          kind: z.string().min(1).max(63),
          name: z.string().min(1).max(253),
          namespace: z.string().max(63).optional(),
        }),
        patch: z
          .union([z.record(z.string(), z.unknown()), z.array(patchOperation).min(1).max(100)])
          .describe('a mapping that is merged (null takes a field away), or a list of JSON patch operations'),
      }),
    )
    .min(1)
    .max(100),
});

const metadataMap = z.record(z.string().min(1).max(317), z.string().max(4096));

const syncOptions = z
  .strictObject({
    createNamespace: z.boolean().default(false),
    managedNamespaceMetadata: z
      .strictObject({ labels: metadataMap.optional(), annotations: metadataMap.optional() })
      .optional(),
    pruneLast: z.boolean().default(false),
    prunePropagation: z.enum(['foreground', 'background', 'orphan']).default('foreground'),
    replace: z.boolean().default(false),
    force: z.boolean().default(false),
    validate: z.enum(['server', 'none']).default('none'),
    skipDryRunOnMissingResource: z.boolean().default(false),
    adopt: z.boolean().default(false),
  })
  .prefault({});

const retry = z
  .strictObject({
    limit: z.int().min(0).max(100).default(5),
    backoffMs: duration.default(5_000),
    backoffFactor: z.number().min(1).max(10).default(2),
    backoffMaxMs: duration.default(180_000),
  })
  .prefault({});

const syncPolicy = z
  .strictObject({
    automated: z.boolean().default(false).describe('false: a new revision waits for "flotilla app sync"'),
    prune: z.boolean().default(false),
    selfHeal: z.boolean().default(false),
    allowEmpty: z.boolean().default(false),
    syncOptions,
    retry,
    syncWaveTimeoutMs: duration.default(300_000),
    onUnplace: z.enum(['orphan', 'delete', 'detach']).default('orphan'),
    graceMs: duration.default(600_000),
    serviceAccount: z
      .string()
      .regex(/^[^/\s]+\/[^/\s]+$/, 'must be "namespace/name"')
      .optional(),
  })
  .prefault({});

const ignoreRule = z.strictObject({
  group: z.string().optional(),
  kind: z.string().optional(),
  name: z.string().optional(),
  namespace: z.string().optional(),
  jsonPointers: z.array(z.string().startsWith('/')).optional(),
  jqPathExpressions: z.array(z.string().min(1)).optional(),
  managedFieldsManagers: z.array(z.string().min(1)).optional(),
});

const healthRule = z.strictObject({
  group: z.string(),
  kind: z.string().min(1),
  current: z.string().optional(),
  inProgress: z.string().optional(),
  failed: z.string().optional(),
});

export const applicationSpec = z.strictObject({
  sources: z.array(source).min(1).max(10),
  placement,
  overrides: z
    .array(override)
    .max(100)
    .default([])
    .describe('patches of objects on the clusters that each picks, in order'),
  destination: z.strictObject({
    namespace: z.string().regex(dnsLabel, 'must be a valid namespace name, e.g. "guestbook"'),
  }),
  syncPolicy,
  ignoreDifferences: z.array(ignoreRule).max(200).default([]),
  healthRules: z.array(healthRule).max(100).default([]),
  strategy: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'waves, failure budget and what happens on failure, or {named: …} for one of the project, and what differs from it; or {stages: [{name, clusters, strategy, soak, approval}]} alone; empty: one wave, all at once',
    ),
  dependsOn: z
    .array(applicationName)
    .max(50)
    .default([])
    .describe('applications that must be Healthy at their desired revision on the same cluster first'),
});

/** As stored and read: complete. */
export type ApplicationSpec = z.output<typeof applicationSpec>;
/** As people write it. */
export type ApplicationSpecInput = z.input<typeof applicationSpec>;
export type ApplicationSourceSpec = ApplicationSpec['sources'][number];

/** What is fetched of a source: with a template in its path, what all clusters' folders lie in. */
export function fetchedPath({ path: written, template }: ApplicationSourceSpec): string {
  return template ? basePath(written) : written;
}

/** `refs/heads/main`, `refs/tags/v1` or a commit: the text under which a source's ref is stored. */
export function refText(ref: ApplicationSourceSpec['ref']): string {
  if ('branch' in ref) return `refs/heads/${ref.branch}`;
  if ('tag' in ref) return `refs/tags/${ref.tag}`;
  return ref.commit;
}
