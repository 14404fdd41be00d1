/**
 * A plan's revision → the bundle that it would be: resolved and rendered as a revision would be, and none. It takes no number, is
 * no candidate, and no rollout, condition or guard hears of it.
 */
import type { Logger } from '../../platform/logger.ts';
import { saveTwice, type FrameStore } from '../../sources/frames.store.ts';
import { messageOf } from '../render.store.ts';
import { emptyProblems } from '../emptyBundle.ts';
import { renderSources } from '../render.ts';
import type { Renderer, SourceToRender } from '../renderer.ts';
import { renderSpecOf, type RenderSpec } from '../revisionKey.ts';
import type { Preview, PreviewRow, PreviewSource, PreviewStore, PreviewVariant } from './preview.store.ts';
import { previewVariants } from './previewVariants.ts';
import { resolveRef, type Read, type RefResolver } from './resolveRef.ts';

export interface PreviewOptions {
  store: PreviewStore;
  frames: Pick<FrameStore, 'readTree'>;
  renderer: Pick<Renderer, 'render' | 'renderVariants'>;
  resolver: RefResolver;
  logger: Logger;
  /** Aborted when the hub stops: what ends by that says nothing about the revision. */
  signal: AbortSignal;
}

export async function renderPreview(options: PreviewOptions, id: string): Promise<void> {
  const { store, logger, signal } = options;
  const row = await store.preview(id);
  if (row === null) return;
  const outcome = await outcomeOf(options, row);
  if (!outcome.ok && signal.aborted) return;
  if (!outcome.ok) {
    logger.info({ plan: id, reason: outcome.reason }, 'plan not rendered');
    return store.saveFailure(id, outcome.reason, outcome.resolved);
  }
  if ('variants' in outcome) {
    await store.saveVariants(row, outcome.resolved, outcome.variants);
    logger.info({ plan: id, variants: outcome.variants.length }, 'plan rendered');
    return;
  }
  const { preview } = outcome;
  await saveTwice(() => store.saveBundle(row, preview));
  logger.info({ plan: id, bundle: preview.bundle.index.digest }, 'plan rendered');
}

type Resolved = Pick<Preview, 'sources' | 'meta'>;
type Outcome =
  | { ok: true; preview: Preview }
  | { ok: true; resolved: Resolved; variants: PreviewVariant[] }
  | { ok: false; reason: string; resolved?: Resolved };

async function outcomeOf(options: PreviewOptions, row: PreviewRow): Promise<Outcome> {
  const found =
    row.ofRevision === null ? await readRef(options, row) : await readRevision(options, row, row.ofRevision);
  if (!found.ok) return found;
  const { resolved, renderSpec, trees } = found;
  const revision = { renderSpec, sources: resolved.sources.map((source) => ({ ...source, tree: '' })) };
  if (renderSpec.templating !== undefined) {
    const result = await previewVariants(options, row, revision, trees);
    return { ...result, resolved };
  }
  const rendered = await renderSources(options.renderer, row.projectId, trees);
  if (!rendered.ok) return { ok: false, reason: messageOf(rendered.problems), resolved };
  const empty = emptyProblems(revision, rendered.bundle.index.objects.length);
  if (empty.length > 0) return { ok: false, reason: messageOf(empty), resolved };
  return { ok: true, preview: { ...resolved, bundle: rendered.bundle } };
}

type Found =
  | { ok: true; resolved: Resolved; renderSpec: RenderSpec; trees: SourceToRender[] }
  | { ok: false; reason: string; resolved?: Resolved };

/** The commit that was asked about; sources of other repositories stay where they are. */
async function readRef(options: PreviewOptions, row: PreviewRow): Promise<Found> {
  const sources = await options.store.sources(row.applicationId);
  const own = sources.filter(({ repository }) => repository === row.repositoryId);
  const paths = [...new Set(own.map(({ path }) => path))];
  const resolution = await resolveRef(options.resolver, row, paths);
  if (resolution.found === 'no') return { ok: false, reason: resolution.reason };
  const { read } = resolution;
  const resolved: Resolved = {
    meta: read.meta,
    sources: sources.map(({ repository, ref, path, commit }) => ({
      repository,
      ref,
      path,
      commit: repository === row.repositoryId ? read.commit : (commit ?? ''),
    })),
  };
  const renderSpec = renderSpecOf(row.spec);
  const trees = await treesOf(options.frames, row, sources, renderSpec, read);
  return trees.ok ? { ok: true, resolved, renderSpec, trees: trees.sources } : { ...trees, resolved };
}

/** All sources as they were when the revision was made, wherever they have moved since. */
async function readRevision(options: PreviewOptions, row: PreviewRow, number: number): Promise<Found> {
  const revision = await options.store.revision(row.applicationId, number);
  if (revision === null) return { ok: false, reason: `revision ${number} is not known any more` };
  const { renderSpec, meta, sources } = revision;
  const resolved: Resolved = {
    meta,
    sources: sources.map(({ repository, ref, path, commit }) => ({ repository, ref, path, commit })),
  };
  const trees = await treesOf(options.frames, row, sources, renderSpec, null);
  return trees.ok ? { ok: true, resolved, renderSpec, trees: trees.sources } : { ...trees, resolved };
}

type Trees = { ok: true; sources: SourceToRender[] } | { ok: false; reason: string };

async function treesOf(
  stored: PreviewOptions['frames'],
  row: PreviewRow,
  sources: readonly PreviewSource[],
  { directories, templating }: RenderSpec,
  read: Read | null,
): Promise<Trees> {
  const trees: SourceToRender[] = [];
  for (const [at, source] of sources.entries()) {
    const directory = directories[at];
    const files =
      read !== null && source.repository === row.repositoryId
        ? filesOf(read, source.path)
        : await storedFiles(stored, row, source);
    if ('reason' in files) return { ok: false, reason: files.reason };
    if (directory === undefined)
      return { ok: false, reason: 'the application was changed meanwhile: try again' };
    const template = templating?.sources[at] ?? null;
    trees.push({
      path: source.path,
      directory,
      ...(template !== null && { template }),
      frames: files.frames,
    });
  }
  return { ok: true, sources: trees };
}

type Files = { frames: Buffer[] } | { reason: string };

function filesOf({ paths, commit }: Read, path: string): Files {
  const found = paths.find((one) => one.path === path);
  if (found === undefined) return { reason: `'${path}' was not read at ${commit}` };
  if (!found.ok) return { reason: `'${path}' at ${commit.slice(0, 12)}: ${found.reason}` };
  return { frames: found.tree.frames.map(({ bytes }) => Buffer.from(bytes)) };
}

/** Of a revision, or of another repository: what the application has. */
async function storedFiles(
  stored: PreviewOptions['frames'],
  row: PreviewRow,
  source: PreviewSource,
): Promise<Files> {
  const frames = source.tree === null ? null : await stored.readTree(row.projectId, source.tree);
  if (frames !== null) return { frames };
  return {
    reason:
      row.ofRevision === null
        ? `'${source.path}' of another repository has not been read yet: see flotilla repo list`
        : `the files of '${source.path}' in revision ${row.ofRevision} are not kept any more`,
  };
}
