/** What makes a revision: the commits of all sources, how they are rendered, and the tools that render them. Equal keys are the same revision. */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { templateBelow } from '@flotilla/domain/template/path';
import type { Override } from '@flotilla/domain/variant/override';
import { z } from 'zod';

import { sha256Hex } from '../platform/digest.ts';
import type { SourceTemplate } from './child/wire.ts';

/** Raised when the same files would render to other objects. */
export const toolVersions = { directory: 1 };
const templatingVersion = 1;

export interface ResolvedSource {
  repository: string;
  ref: string;
  commit: string;
  path: string;
  /** Id of the stored tree. */
  tree: string;
}

/** The part of an application's spec that rendering reads; the rest of it changes no revision. */
const renderedSpec = z.object({
  sources: z.array(
    z.object({
      path: z.string().default('.'),
      template: z.boolean().default(false),
      directory: z.object({
        recurse: z.boolean(),
        include: z.array(z.string()),
        exclude: z.array(z.string()),
      }),
    }),
  ),
  overrides: z.array(z.unknown()).default([]),
  syncPolicy: z.object({ allowEmpty: z.boolean() }),
});

export interface RenderSpec {
  directories: { recurse: boolean; include: string[]; exclude: string[] }[];
  allowEmpty: boolean;
  tools: typeof toolVersions;
  /** Left out where every cluster gets the same: such a revision has one variant. */
  templating?: Templating;
}

export interface Templating {
  version: number;
  /** Of each source. */
  sources: (SourceTemplate | null)[];
  overrides: Override[];
}

export function renderSpecOf(spec: unknown): RenderSpec {
  const { sources, syncPolicy, overrides } = renderedSpec.parse(spec);
  const isTemplated = overrides.length > 0 || sources.some(({ template }) => template);
  return {
    directories: sources.map(({ directory }) => directory),
    allowEmpty: syncPolicy.allowEmpty,
    tools: toolVersions,
    ...(isTemplated && {
      templating: {
        version: templatingVersion,
        sources: sources.map(({ template, path }) => (template ? { below: templateBelow(path) } : null)),
        overrides: overrides as Override[],
      },
    }),
  };
}

/** The ref counts only by where it points, and the tree by its commit and path. */
export function revisionKey(sources: readonly ResolvedSource[], renderSpec: RenderSpec): string {
  const commits = sources.map(({ repository, commit, path }) => ({ repository, commit, path }));
  return sha256Hex(canonicalText({ sources: commits, renderSpec }));
}
