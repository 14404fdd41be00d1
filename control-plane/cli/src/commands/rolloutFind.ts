/** Which rollout of an application is meant: the open one, else the newest; or that of a commit. */
import type { Revision } from '@flotilla/client/types';
import { CommandError, exitCodes } from '../exit.ts';
import type { Session } from '../session.ts';
import { short } from '../table.ts';

/** The newest ones, among which a commit is looked for. */
const revisionsLookedAt = 50;

/** Id of the one that moves; where none does, of the newest. @throws CommandError where there was none yet */
export async function findRollout({ client, project }: Session, name: string): Promise<string> {
  const query = project === undefined ? {} : { project };
  const { rollout } = await client.applications.get(name, query);
  if (rollout !== null) return rollout.id;
  const [newest] = (await client.applications.rollouts(name, { ...query, limit: 1 })).items;
  if (newest) return newest.id;
  throw new CommandError(exitCodes.notFound, `"${name}" has no rollout yet`, `see: flotilla app get ${name}`);
}

/** Id of the newest rollout forward to this commit; null: there is none yet. @throws CommandError where it does not render */
export async function findRolloutOf(
  { client, project }: Session,
  name: string,
  commit: string,
): Promise<string | null> {
  const query = { ...(project === undefined ? {} : { project }), limit: revisionsLookedAt };
  const revisions = (await client.applications.revisions(name, query)).items;
  const revision = revisions.find((one) => one.commit.startsWith(commit));
  if (!revision) return null;
  requireRendered(revision);
  const rollouts = (await client.applications.rollouts(name, query)).items;
  const found = rollouts.find(
    ({ revisionNumber, kind }) => revisionNumber === revision.number && kind === 'forward',
  );
  return found?.id ?? null;
}

function requireRendered({ state, number, commit, error }: Revision): void {
  if (state !== 'Failed') return;
  throw new CommandError(
    exitCodes.no,
    `${short(commit)} is revision ${number} and does not render: ${error?.message ?? 'no reason given'}`,
  );
}
