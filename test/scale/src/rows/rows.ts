/** The rows by name, one file each. A file is loaded when its row is run: one row's needs are not another's. */
import type { RowName } from '../bench/options.ts';
import type { Row } from '../bench/row.ts';

const rows: Record<RowName, () => Promise<{ row: Row }>> = {
  a: () => import('./fanOut.ts'),
  b: () => import('./commitToHealthy.ts'),
  c: () => import('./costOfAgent.ts'),
  d: () => import('./ingest.ts'),
  e: () => import('./render.ts'),
  f: () => import('./agentNoop.ts'),
  g: () => import('./reconnect.ts'),
  h: () => import('./api.ts'),
  i: () => import('./agentMemory.ts'),
  j: () => import('./planRollout.ts'),
  git: () => import('./git.ts'),
  apps: () => import('./applications.ts'),
  plan: () => import('./planFleet.ts'),
};

export async function loadRow(name: RowName): Promise<Row> {
  return (await rows[name]()).row;
}
