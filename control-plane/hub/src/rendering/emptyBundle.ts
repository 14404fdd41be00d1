/** What is wrong with a bundle without objects. */
import { ofNoFile, type RenderProblem } from './child/problem.ts';
import type { Candidate } from './render.store.ts';

/** An empty bundle would prune everything: only who says so gets one. */
export function emptyProblems(
  { renderSpec, sources }: Pick<Candidate, 'renderSpec' | 'sources'>,
  objects: number,
): RenderProblem[] {
  if (objects > 0 || renderSpec.allowEmpty) return [];
  const places = sources.map(({ path }) => `'${path}'`).join(', ');
  const message = `${places} has no manifests: set syncPolicy.allowEmpty if that is meant`;
  return [ofNoFile(message)];
}
