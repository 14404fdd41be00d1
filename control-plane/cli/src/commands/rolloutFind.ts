/** Which rollout of an application is meant: the open one, else the newest; or that of a commit. */
import type { Application, Revision } from '@flotilla/client/types';
import { CommandError, exitCodes } from '../exit.ts';
import type { Session } from '../session.ts';
import { short } from '../table.ts';

/** The newest ones, among which a commit is looked for. */
const revisionsLookedAt = 50;

/**
 * Id of the one that moves; where none does, of the newest. `stage`: in this one only.
 * @throws CommandError where there was none yet, where several stages move, or none has this name
 */
export async function findRollout(
  { client, project }: Session,
  name: string,
  stage: string | undefined,
): Promise<string> {
  const application = await client.applications.get(name, { project });
  requireStage(application, stage);
  const moving = movingIn(application, stage);
  if (moving !== null) return moving;
  const [newest] = (await client.applications.rollouts(name, { project, stage, limit: 1 })).items;
  if (newest) return newest.id;
  const where = stage === undefined ? '' : ` in ${stage}`;
  throw new CommandError(
    exitCodes.notFound,
    `"${name}" has no rollout yet${where}`,
    `see: flotilla app ${stage === undefined ? 'get' : 'stages'} ${name}`,
  );
}

/** Of several stages with an open rollout a person says which one. */
function movingIn({ name, rollout, stages = [] }: Application, stage: string | undefined): string | null {
  const asked = stages.filter((one) => stage === undefined || one.name === stage);
  const open = asked.filter((one) => one.rollout !== null);
  if (open.length > 1)
    throw new CommandError(
      exitCodes.usage,
      `"${name}" moves in several stages: ${open.map((one) => one.name).join(', ')}`,
      `add --stage NAME; all of them: flotilla app stages ${name}`,
    );
  const [only = asked.find((one) => one.waiting !== null)] = open;
  if (only !== undefined) return (only.rollout ?? only.waiting)?.id ?? null;
  return stage === undefined ? (rollout?.id ?? null) : null;
}

function requireStage({ name, stages = [] }: Application, stage: string | undefined): void {
  if (stage === undefined || stages.some((one) => one.name === stage)) return;
  throw new CommandError(
    exitCodes.notFound,
    `"${name}" has no ${stages.length === 0 ? 'stages' : `stage "${stage}"`}`,
    stages.length === 0 ? 'leave --stage out' : `it has ${stages.map((one) => one.name).join(', ')}`,
  );
}

/**
 * Id of the newest rollout forward to this commit, with stages of the furthest that it has come to; null: there is none
 * yet. `stage`: in this one only. @throws CommandError where it does not render
 */
export async function findRolloutOf(
  { client, project }: Session,
  name: string,
  commit: string,
  stage: string | undefined,
): Promise<string | null> {
  const query = { project, limit: revisionsLookedAt };
  const revisions = (await client.applications.revisions(name, query)).items;
  const revision = revisions.find((one) => one.commit.startsWith(commit));
  if (!revision) return null;
  requireRendered(revision);
  const rollouts = (await client.applications.rollouts(name, { ...query, stage })).items;
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
