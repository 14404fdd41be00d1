/** Which stage each cluster of an application is in now: what is recorded of the past names clusters only. */
import { FlotillaApiError } from '@flotilla/client/errors';
import type { Session } from '../session.ts';
import type { Column } from '../table.ts';
import { targetsOf } from './appShow.ts';

/** No column of an application without stages, nor of one that is gone. */
export async function presentStageColumns<T>(
  session: Session,
  name: string,
  clustersOf: (row: T) => readonly string[],
): Promise<Column<T>[]> {
  const stages = await stagesNow(session, name);
  if (stages.size === 0) return [];
  const value = (row: T) => {
    const named = new Set(clustersOf(row).map((cluster) => stages.get(cluster) ?? '-'));
    return [...named].join(', ');
  };
  return [{ title: 'STAGE NOW', value }];
}

async function stagesNow(session: Session, name: string): Promise<Map<string, string>> {
  const { client, project, format } = session;
  if (format !== 'table') return new Map();
  try {
    const { stages } = await client.applications.get(name, { project });
    if (stages === undefined) return new Map();
    return new Map((await targetsOf(session, name)).map(({ cluster, stage }) => [cluster, stage]));
  } catch (error) {
    if (error instanceof FlotillaApiError && error.status === 404) return new Map();
    throw error;
  }
}
