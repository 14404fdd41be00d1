/** `app sync`. */
import type { ExitCode } from '../exit.ts';
import type { Session } from '../session.ts';
import { targetsOf } from './appShow.ts';
import { waitForApp } from './appWait.ts';

export interface SyncOptions {
  force?: boolean;
  cluster: string[];
  wait?: boolean;
  timeout: number;
}

export async function syncApp(
  session: Session,
  name: string,
  options: SyncOptions,
  end: (code: ExitCode) => void,
): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const before = options.wait === true ? await targetsOf(session, name) : [];
  const clusters = options.cluster.length === 0 ? {} : { clusters: options.cluster };
  const result = await session.client.applications.sync(
    name,
    { force: options.force ?? false, ...clusters },
    query,
  );
  const what = result.action === 'StartedRollout' ? 'rolling out' : 'applying again';
  const message = `${what} revision ${result.revisionNumber} on ${result.targets} targets`;
  if (options.wait !== true) return session.print(result, () => message);
  session.say(message);
  const asked = before.filter(
    ({ cluster }) => options.cluster.length === 0 || options.cluster.includes(cluster),
  );
  const above = new Map(asked.map((target) => [target.id, target.assignment]));
  await waitForApp(session, name, { timeout: options.timeout, above }, end);
}
