/** What a caller of one project sees of others: nothing, as if it did not exist. */
import type { Principal } from '../http/principal.ts';
import { notFound } from '../http/problem.ts';

export function visibleProject<T extends { id: string }>(principal: Principal, project: T | null): T {
  if (!project || (principal.projectId !== null && principal.projectId !== project.id))
    throw notFound('project');
  return project;
}
