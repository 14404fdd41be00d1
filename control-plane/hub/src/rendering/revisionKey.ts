/** What makes a revision: the commits of all sources, how they are rendered, and the tools that render them. Equal keys are the same revision. */
import { canonicalText } from '@flotilla/domain/bundle/canonical';
import { z } from 'zod';

import { sha256Hex } from '../platform/digest.ts';

/** Raised when the same files would render to other objects. */
export const toolVersions = { directory: 1 };

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
      directory: z.object({
        recurse: z.boolean(),
        include: z.array(z.string()),
        exclude: z.array(z.string()),
      }),
    }),
  ),
  syncPolicy: z.object({ allowEmpty: z.boolean() }),
});

export interface RenderSpec {
  directories: { recurse: boolean; include: string[]; exclude: string[] }[];
  allowEmpty: boolean;
  tools: typeof toolVersions;
}

export function renderSpecOf(spec: unknown): RenderSpec {
  const { sources, syncPolicy } = renderedSpec.parse(spec);
  return {
    directories: sources.map(({ directory }) => directory),
    allowEmpty: syncPolicy.allowEmpty,
    tools: toolVersions,
  };
}

/** The ref counts only by where it points, and the tree by its commit and path. */
export function revisionKey(sources: readonly ResolvedSource[], renderSpec: RenderSpec): string {
  const commits = sources.map(({ repository, commit, path }) => ({ repository, commit, path }));
  return sha256Hex(canonicalText({ sources: commits, renderSpec }));
}
