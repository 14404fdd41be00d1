/** A revision → its variant and bundle, or what is wrong with it. What another try may mend stays a Candidate. */
import type { Locks } from '../platform/lock.ts';
import type { Logger } from '../platform/logger.ts';
import { saveTwice, type FrameStore } from '../sources/frames.store.ts';
import { ofNoFile } from './child/problem.ts';
import { emptyProblems } from './emptyBundle.ts';
import type { Candidate, RenderStore } from './render.store.ts';
import { RenderStopped, type Rendered, type Renderer, type SourceToRender } from './renderer.ts';
import { fillVariants, type Trees } from './variants/fill.ts';
import type { VariantStore } from './variants/variants.store.ts';

export interface RenderOptions {
  locks: Locks;
  store: RenderStore;
  variants: VariantStore;
  frames: Pick<FrameStore, 'readTree'>;
  renderer: Renderer;
  logger: Logger;
}

/** All revisions of an application that are not rendered; by one worker at a time. */
export async function renderCandidates(options: RenderOptions, applicationId: string): Promise<void> {
  await options.locks.tryLock(`render:${applicationId}`, async () => {
    for (const candidate of await options.store.candidates(applicationId))
      await renderOne(options, candidate);
  });
}

async function renderOne(options: RenderOptions, candidate: Candidate): Promise<void> {
  const { store, logger } = options;
  if (await isSameAsBefore(options, candidate)) return;
  if (candidate.renderSpec.templating !== undefined) return renderVariantsOf(options, candidate);
  const rendered = await renderTrees(options, candidate);
  const problems = rendered.ok
    ? emptyProblems(candidate, rendered.bundle.index.objects.length)
    : rendered.problems;
  const about = { application: candidate.application, revision: candidate.number };
  if (problems.length > 0 || !rendered.ok) {
    await store.saveProblems(candidate, problems);
    logger.warn({ ...about, problem: problems[0] }, 'revision does not render');
    return;
  }
  await saveTwice(() => store.saveBundle(candidate, rendered.bundle));
  logger.info({ ...about, bundle: rendered.bundle.index.digest }, 'revision rendered');
}

/** Of every cluster that the application is on; one that joins later gets its own then. */
async function renderVariantsOf(options: RenderOptions, candidate: Candidate): Promise<void> {
  const { store, variants, logger } = options;
  await variants.copySame(candidate);
  const filled = await fillVariants(options, candidate, () => treesOf(options.frames, candidate));
  const about = { application: candidate.application, revision: candidate.number };
  if (!filled.ok) {
    await store.saveProblems(candidate, filled.problems);
    logger.warn({ ...about, problem: filled.problems[0] }, 'revision does not render');
    return;
  }
  const outcome = await variants.settle(candidate);
  logger.info({ ...about, ...outcome }, 'revision rendered');
}

/** What targets asked for since: a cluster joined, or its labels or facts changed. */
export async function renderWanted(options: RenderOptions, applicationId: string): Promise<void> {
  const { locks, store, variants, frames, logger } = options;
  if ((await variants.wanted(applicationId)).length === 0) return;
  await locks.tryLock(`render:${applicationId}`, async () => {
    for (;;) {
      const wanted = await variants.wanted(applicationId);
      if (wanted.length === 0) return;
      const revisions = await store.rendered(applicationId, wanted);
      for (const revision of revisions) {
        const filled = await fillVariants(options, revision, () => treesOf(frames, revision));
        if (!filled.ok) await variants.giveUp(revision, filled.problems);
        const outcome = await variants.settle(revision);
        logger.info(
          { application: revision.application, revision: revision.number, ...outcome },
          'variants rendered',
        );
      }
      if (await variants.clearWanted(applicationId, wanted, revisions)) return;
    }
  });
}

/** A commit that changed none of an application's files costs a look at rows: no file is read and no renderer asked. */
async function isSameAsBefore({ store, logger }: RenderOptions, candidate: Candidate): Promise<boolean> {
  const before = await store.renderedBefore(candidate);
  if (before === null || !(await store.saveSame(candidate, before))) return false;
  const { application, number: revision } = candidate;
  logger.info(
    { application, revision, bundle: before.bundle, sameAs: before.number },
    'revision is the same',
  );
  return true;
}

async function renderTrees(options: RenderOptions, candidate: Candidate): Promise<Rendered> {
  const trees = await treesOf(options.frames, candidate);
  return trees.ok ? renderSources(options.renderer, candidate.projectId, trees.sources) : trees;
}

async function treesOf(
  stored: RenderOptions['frames'],
  candidate: Pick<Candidate, 'projectId' | 'sources' | 'renderSpec'>,
): Promise<Trees> {
  const sources: SourceToRender[] = [];
  for (const [at, source] of candidate.sources.entries()) {
    const directory = candidate.renderSpec.directories[at];
    const frames = await stored.readTree(candidate.projectId, source.tree);
    if (directory === undefined || frames === null) {
      return failed(`the files of ${source.path} at ${source.commit} are not kept any more`);
    }
    const template = candidate.renderSpec.templating?.sources[at] ?? null;
    sources.push({ path: source.path, directory, ...(template !== null && { template }), frames });
  }
  return { ok: true, sources };
}

/** What goes over a limit does so on every try: it is a problem of the files, as a mistake in them is. */
export async function renderSources(
  renderer: Pick<Renderer, 'render'>,
  projectId: string,
  sources: readonly SourceToRender[],
): Promise<Rendered> {
  try {
    return await renderer.render(projectId, sources);
  } catch (error) {
    if (error instanceof RenderStopped && error.kind === 'limit') return failed(error.message);
    throw error;
  }
}

function failed(message: string): Extract<Rendered, { ok: false }> {
  return { ok: false, problems: [ofNoFile(message)] };
}
