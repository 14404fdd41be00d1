/** The spec of a project: what its applications may use. Strict and complete, like an application's. */
import { z } from 'zod';
import { pageSchema } from '../http/operation.ts';

export const defaultProject = 'default';

const globs = z.array(z.string().min(1).max(253)).max(500);

const namespacesText = 'where its applications may write: globs; an empty list allows none';
const clusterKindsText =
  'cluster-scoped kinds they may write: globs over "group/Kind", or over "Kind" in any group';
const namespacedKindsDeniedText = 'namespaced kinds they may not write, written the same way';

export const projectSpec = z.strictObject({
  allowed: z
    .strictObject({
      namespaces: globs.default(['*']).describe(namespacesText),
      clusterKinds: globs.default(['*']).describe(clusterKindsText),
      namespacedKindsDenied: globs.default([]).describe(namespacedKindsDeniedText),
    })
    .prefault({}),
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
    name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label, e.g. "team-a"'),
    spec: projectSpec.prefault({}),
  })
  .meta({ id: 'NewProject' });

export const projectPatch = z
  .strictObject({
    spec: z.strictObject({
      allowed: z.strictObject({
        namespaces: globs.optional().describe(namespacesText),
        clusterKinds: globs.optional().describe(clusterKindsText),
        namespacedKindsDenied: globs.optional().describe(namespacedKindsDeniedText),
      }),
    }),
  })
  .meta({ id: 'ProjectPatch', description: 'a list that is given replaces the one that is there' });

export type ProjectPatch = z.output<typeof projectPatch>;
export type ProjectResource = z.output<typeof projectResource>;
export type NewProject = z.output<typeof newProject>;
