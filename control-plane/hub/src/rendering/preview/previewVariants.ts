/** The variants that a plan's revision would have on the clusters that it would go to. */
import { variantsMax } from '@flotilla/domain/variant/limits';

import { emptyProblems } from '../emptyBundle.ts';
import { messageOf, type Candidate } from '../render.store.ts';
import type { Rendered, Renderer, RenderedVariant, SourceToRender } from '../renderer.ts';
import { renderFor } from '../variants/fill.ts';
import { lackingOf } from '../variants/variant.ts';
import type { PreviewRow, PreviewStore, PreviewVariant } from './preview.store.ts';

export interface PreviewVariantsOptions {
  store: Pick<PreviewStore, 'clusters' | 'saveBundles'>;
  renderer: Pick<Renderer, 'renderVariants'>;
}

/** A reason where it renders for none of them. Bundles are stored as they come. */
export async function previewVariants(
  { store, renderer }: PreviewVariantsOptions,
  row: PreviewRow,
  revision: Pick<Candidate, 'renderSpec' | 'sources'>,
  sources: readonly SourceToRender[],
): Promise<{ ok: true; variants: PreviewVariant[] } | { ok: false; reason: string }> {
  const clusters = await store.clusters(row.applicationId);
  const variants: PreviewVariant[] = [];
  for (;;) {
    const lacking = lackingOf(revision, clusters, variants);
    if (lacking.length === 0 || variants.length >= variantsMax) break;
    const rendered = await renderFor(renderer, row.projectId, sources, revision.renderSpec, lacking);
    if (!Array.isArray(rendered)) return { ok: false, reason: messageOf(rendered.problems) };
    const some = rendered.slice(0, variantsMax - variants.length);
    await store.saveBundles(row.projectId, some.flatMap(bundleIn));
    variants.push(...some.map((variant) => previewOf(revision, variant)));
  }
  const [first] = variants;
  return first !== undefined && variants.every(({ bundle }) => bundle === null)
    ? { ok: false, reason: first.error ?? 'it does not render' }
    : { ok: true, variants };
}

function bundleIn({ rendered }: RenderedVariant): Extract<Rendered, { ok: true }>['bundle'][] {
  return rendered.ok ? [rendered.bundle] : [];
}

function previewOf(
  revision: Pick<Candidate, 'renderSpec' | 'sources'>,
  { reads, rendered }: RenderedVariant,
): PreviewVariant {
  const objects = rendered.ok ? rendered.bundle.index.objects.length : 0;
  const problems = rendered.ok ? emptyProblems(revision, objects) : rendered.problems;
  const error = problems.length > 0 ? messageOf(problems) : null;
  const bundle = rendered.ok && error === null ? rendered.bundle.index : null;
  return { reads, bundle: bundle?.digest ?? null, objects, error };
}
