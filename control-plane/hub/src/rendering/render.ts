/** A revision → its variant and bundle, or what is wrong with it. What another try may mend stays a Candidate. */
import type { Locks } from '../platform/lock.ts';
import type { Logger } from '../platform/logger.ts';
import { saveTwice, type FrameStore } from '../sources/frames.store.ts';
import type { RenderProblem } from './child/manifests.ts';
import type { Candidate, RenderStore } from './render.store.ts';
import { RenderStopped, type Rendered, type Renderer, type SourceToRender } from './renderer.ts';

export interface RenderOptions {
  locks: Locks;
  store: RenderStore;
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

async function renderTrees(
  { frames: stored, renderer }: RenderOptions,
  candidate: Candidate,
): Promise<Rendered> {
  const sources: SourceToRender[] = [];
  for (const [at, source] of candidate.sources.entries()) {
    const directory = candidate.renderSpec.directories[at];
    const frames = await stored.readTree(candidate.projectId, source.tree);
    if (directory === undefined || frames === null) {
      return failed(`the files of ${source.path} at ${source.commit} are not kept any more`);
    }
    sources.push({ path: source.path, directory, frames });
  }
  return renderSources(renderer, candidate.projectId, sources);
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

/** An empty bundle would prune everything: only who says so gets one. */
export function emptyProblems(
  { renderSpec, sources }: Pick<Candidate, 'renderSpec' | 'sources'>,
  objects: number,
): RenderProblem[] {
  if (objects > 0 || renderSpec.allowEmpty) return [];
  const places = sources.map(({ path }) => `'${path}'`).join(', ');
  return [problem(`${places} has no manifests: set syncPolicy.allowEmpty if that is meant`)];
}

function failed(message: string): Rendered {
  return { ok: false, problems: [problem(message)] };
}

function problem(message: string): RenderProblem {
  return { file: '', document: 0, line: 0, message };
}
