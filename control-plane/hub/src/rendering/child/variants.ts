/** What sources render to for each of several clusters: one variant for all that agree in what was read. */
import type { ClusterValues, Reads } from '@flotilla/domain/template/cluster';
import { ClusterReader } from '@flotilla/domain/template/evaluate';
import { readsMax } from '@flotilla/domain/variant/limits';
import { overridesOf, type Override } from '@flotilla/domain/variant/override';
import { readsOf, VariantIndex } from '@flotilla/domain/variant/reads';

import { ofNoFile } from './problem.ts';
import { renderSources, type FileCache, type RenderResult, type RenderSource } from './manifests.ts';
import type { VariantsAsked } from './wire.ts';
import type { YamlLimits } from './yamlDocument.ts';

export interface RenderedVariant {
  reads: Reads;
  result: RenderResult;
}

/** Of one answer: what it holds is in memory here and at the hub. */
export interface AnswerLimits {
  variantsMax: number;
  bytesMax: number;
  /** After which no further one is begun. */
  timeMs: number;
}

export const answerDefaults: AnswerLimits = { variantsMax: 200, bytesMax: 48 << 20, timeMs: 15_000 };

/** That of the first cluster at least, as many as the answer takes. */
export function renderVariants(
  sources: readonly RenderSource[],
  { overrides, clusters }: VariantsAsked,
  yaml: YamlLimits,
  cache: FileCache,
  limits: AnswerLimits = answerDefaults,
): RenderedVariant[] {
  const startMs = performance.now();
  const variants: RenderedVariant[] = [];
  const found = new VariantIndex<RenderedVariant>([], overrides);
  let bytes = 0;
  for (const cluster of clusters) {
    if (found.find(cluster) !== null) continue;
    const variant = renderOne(sources, overrides, cluster, yaml, cache);
    variants.push(variant);
    found.add(variant);
    if (variant.result.ok) bytes += variant.result.bundle.index.bytes;
    if (variants.length >= limits.variantsMax || bytes > limits.bytesMax) break;
    if (performance.now() - startMs > limits.timeMs) break;
  }
  return variants;
}

function renderOne(
  sources: readonly RenderSource[],
  overrides: readonly Override[],
  cluster: ClusterValues,
  yaml: YamlLimits,
  cache: FileCache,
): RenderedVariant {
  const reader = new ClusterReader(cluster);
  const matched = overridesOf(overrides, cluster).flatMap((at) => {
    const override = overrides[at];
    return override === undefined ? [] : [{ ...override, at }];
  });
  const result = renderSources(sources, yaml, cache, { reader, overrides: matched });
  const read = Object.keys(reader.reads).length;
  if (read > readsMax) {
    const message = `${read} labels and facts are read, which are more than the ${readsMax} that may be`;
    return { reads: {}, result: { ok: false, problems: [ofNoFile(message)] } };
  }
  return { reads: readsOf(reader.reads, overrides, cluster), result };
}
