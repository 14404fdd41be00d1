/**
 * Renders the variants that the clusters of an application lack of a revision, and stores each as it comes: what is broken
 * off is gone on with where it stands. Ends when every cluster has one, or there are as many in use as a revision may have.
 */
import type { ClusterValues } from '@flotilla/domain/template/cluster';
import { variantsMax } from '@flotilla/domain/variant/limits';
import { VariantIndex } from '@flotilla/domain/variant/reads';

import { saveTwice } from '../../sources/frames.store.ts';
import { ofNoFile, type RenderProblem } from '../child/problem.ts';
import type { Candidate } from '../render.store.ts';
import { RenderStopped, type Renderer, type RenderedVariant, type SourceToRender } from '../renderer.ts';
import type { RenderSpec } from '../revisionKey.ts';
import { lackingOf } from './variant.ts';
import type { VariantStore } from './variants.store.ts';

/** Clusters of one request: as many as tell apart what an answer holds. */
const clustersMax = 1000;

export interface FillOptions {
  renderer: Pick<Renderer, 'renderVariants'>;
  variants: Pick<VariantStore, 'look' | 'save' | 'dropUnused'>;
}

/** What a revision is rendered from. */
export type Trees = { ok: true; sources: SourceToRender[] } | { ok: false; problems: RenderProblem[] };

export type Filled = { ok: true } | { ok: false; problems: RenderProblem[] };

export async function fillVariants(
  { renderer, variants: store }: FillOptions,
  revision: Candidate,
  readSources: () => Promise<Trees>,
): Promise<Filled> {
  const { projectId, renderSpec } = revision;
  let trees: Trees | null = null;
  for (;;) {
    const { clusters, variants } = await store.look(revision);
    const lacking = lackingOf(revision, clusters, variants);
    if (lacking.length === 0) return { ok: true };
    const room = variantsMax - variants.length;
    if (room <= 0) {
      if ((await store.dropUnused(revision)) === 0) return { ok: true };
      continue;
    }
    // Not before something is lacking: most commits of a large repository change nothing of an application's.
    trees ??= await readSources();
    if (!trees.ok) return trees;
    const rendered = await renderFor(renderer, projectId, trees.sources, renderSpec, lacking);
    if (!Array.isArray(rendered)) return rendered;
    await saveTwice(() => store.save(revision, rendered.slice(0, room)));
  }
}

/** What goes over a limit does so on every try. */
export async function renderFor(
  renderer: Pick<Renderer, 'renderVariants'>,
  projectId: string,
  sources: readonly SourceToRender[],
  renderSpec: RenderSpec,
  clusters: readonly ClusterValues[],
): Promise<RenderedVariant[] | Extract<Filled, { ok: false }>> {
  const overrides = renderSpec.templating?.overrides ?? [];
  const asked = clusters.slice(0, clustersMax).map(({ name, labels, facts }) => ({ name, labels, facts }));
  const [first] = asked;
  try {
    const rendered = await renderer.renderVariants(projectId, sources, { overrides, clusters: asked });
    if (first !== undefined && new VariantIndex(rendered, overrides).find(first) === null)
      throw new RenderStopped('lost', 'the renderer answered for other clusters than it was asked for');
    return rendered;
  } catch (error) {
    if (!(error instanceof RenderStopped) || error.kind !== 'limit') throw error;
    return { ok: false, problems: [ofNoFile(error.message)] };
  }
}
