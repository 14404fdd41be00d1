/** The spec of a project: what its applications may use. Strict and complete, like an application's. */
import { parseWindow } from '@flotilla/domain/window/window';
import { z } from 'zod';
import { pageSchema } from '../http/operation.ts';
import { clusterSelection, dnsLabel } from './spec.ts';

export const defaultProject = 'default';

const globs = z.array(z.string().min(1).max(253)).max(500);

const namespacesText = 'where its applications may write: globs; an empty list allows none';
const clusterKindsText =
  'cluster-scoped kinds they may write: globs over "group/Kind", or over "Kind" in any group';
const namespacedKindsDeniedText = 'namespaced kinds they may not write, written the same way';

/** As in Argo CD; which applications, namespaces and clusters it is for is by globs and labels, all of them by default. */
const syncWindow = z
  .strictObject({
    kind: z.enum(['allow', 'deny']),
    schedule: z.string().max(100).describe('five fields of cron: when it begins, e.g. "0 22 * * 5"'),
    duration: z.string().max(20).describe('e.g. "8h"'),
    timeZone: z.string().max(64).default('UTC').describe('e.g. "Europe/Berlin"'),
    manualSync: z.boolean().default(false).describe('a person may sync although it is closed'),
    applications: globs.default(['*']),
    namespaces: globs.default(['*']),
    clusters: clusterSelection.default({ selector: {} }),
  })
  .superRefine((written, context) => {
    const parsed = parseWindow(timesOf(written), written.kind);
    if (!parsed.ok) context.addIssue({ code: 'custom', path: [parsed.field], message: parsed.message });
  });

const syncWindows = z.array(syncWindow).max(100);
const syncWindowsText = 'when new revisions may go out; what runs, and self-heal, are never held up';

const strategyName = z.string().regex(dnsLabel, 'must be a DNS label');

/** Kept as they were written, and checked when they are: what was good once must not stop a fleet later. */
const strategies = z
  .record(strategyName, z.record(z.string(), z.unknown()))
  .refine((named) => Object.keys(named).length <= 50, 'are more than 50');
const strategiesText =
  'by name, for applications that write strategy: {named: …}; as a strategy of an application';

export type SyncWindowSpec = z.output<typeof syncWindow>;

/** When it is, without for whom. */
export function timesOf({
  kind,
  schedule,
  duration,
  timeZone,
  manualSync,
}: Omit<SyncWindowSpec, 'applications' | 'namespaces' | 'clusters'>) {
  return { kind, schedule, duration, timeZone, manualSync };
}

export const projectSpec = z.strictObject({
  allowed: z
    .strictObject({
      namespaces: globs.default(['*']).describe(namespacesText),
      clusterKinds: globs.default(['*']).describe(clusterKindsText),
      namespacedKindsDenied: globs.default([]).describe(namespacedKindsDeniedText),
    })
    .prefault({}),
  syncWindows: syncWindows.default([]).describe(syncWindowsText),
  strategies: strategies.default({}).describe(strategiesText),
});

export type ProjectSpec = z.output<typeof projectSpec>;

export const projectResource = z
  .object({
    id: z.uuid(),
    name: z.string(),
    spec: projectSpec,
    version: z.int(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Project' });

export const projectPage = pageSchema('ProjectPage', projectResource);

export const newProject = z
  .strictObject({
    name: z.string().regex(dnsLabel, 'must be a DNS label, e.g. "team-a"'),
    spec: projectSpec.prefault({}),
  })
  .meta({ id: 'NewProject' });

export const projectPatch = z
  .strictObject({
    spec: z.strictObject({
      allowed: z
        .strictObject({
          namespaces: globs.optional().describe(namespacesText),
          clusterKinds: globs.optional().describe(clusterKindsText),
          namespacedKindsDenied: globs.optional().describe(namespacedKindsDeniedText),
        })
        .optional(),
      syncWindows: syncWindows.optional().describe(syncWindowsText),
      strategies: strategies.optional().describe(strategiesText),
    }),
  })
  .meta({ id: 'ProjectPatch', description: 'a list or map that is given replaces the one that is there' });

export type ProjectPatch = z.output<typeof projectPatch>;
export type ProjectResource = z.output<typeof projectResource>;
export type NewProject = z.output<typeof newProject>;
