/** The name under which we own fields, and the names whose fields we take back because they were a person's or a former tool's. */

export const fieldManager = 'flotilla';

/** Owners from before: kept, a field removed from Git would stay live because they still hold it. */
export const formerManagers: ReadonlySet<string> = new Set([
  'kubectl-client-side-apply',
  'kubectl-edit',
  'kubectl-patch',
  'kubectl-create',
  'kubectl-replace',
  'before-first-apply',
]);
