/** Rows of projects. */
import type { Prisma } from '@flotilla/prisma/client/client';
import type { Database } from '../platform/prisma.ts';
import type { HubTransaction } from '../platform/transaction.ts';
import type { ProjectSpec } from './project.ts';
import { isUuid } from '../platform/uuid.ts';

export interface ProjectRow {
  id: string;
  name: string;
  spec: unknown;
  version: number;
  createdAt: Date;
}

const columns = { id: true, name: true, spec: true, version: true, createdAt: true } as const;

export function listProjects(database: Database, after: string | null, limit: number): Promise<ProjectRow[]> {
  return database.client.project.findMany({
    select: columns,
    orderBy: { name: 'asc' },
    take: limit,
    ...(after === null ? {} : { where: { name: { gt: after } } }),
  });
}

/** By name or id. */
export function findProject(
  client: Pick<HubTransaction['client'], 'project'>,
  nameOrId: string,
): Promise<ProjectRow | null> {
  const where = isUuid(nameOrId) ? { id: nameOrId } : { name: nameOrId };
  return client.project.findUnique({ select: columns, where });
}

/** Strategies are kept as they were written: Prisma's types cannot tell that they came as JSON. */
function jsonOf(spec: ProjectSpec): Prisma.InputJsonObject {
  return spec as unknown as Prisma.InputJsonObject;
}

export interface NewProjectRow {
  id: string;
  name: string;
  spec: ProjectSpec;
  dataKey: Uint8Array<ArrayBuffer>;
  dataKeyVersion: number;
}

/** Null: the name is taken. */
export async function insertProject(tx: HubTransaction, row: NewProjectRow): Promise<ProjectRow | null> {
  const [created] = await tx.client.project.createManyAndReturn({
    data: [{ ...row, spec: jsonOf(row.spec) }],
    select: columns,
    skipDuplicates: true,
  });
  return created ?? null;
}

/** Locked until the transaction ends; null: it is gone. */
export async function lockProject(tx: HubTransaction, nameOrId: string): Promise<ProjectRow | null> {
  const found = await findProject(tx.client, nameOrId);
  if (found === null) return null;
  await tx.sql('SELECT id FROM projects WHERE id = $1::uuid FOR NO KEY UPDATE', [found.id]);
  return findProject(tx.client, found.id);
}

export function updateProject(tx: HubTransaction, id: string, spec: ProjectSpec): Promise<ProjectRow> {
  return tx.client.project.update({
    select: columns,
    where: { id },
    data: { spec: jsonOf(spec), version: { increment: 1 } },
  });
}

export async function applicationsOf(tx: HubTransaction, projectId: string): Promise<string[]> {
  const rows = await tx.sql<{ id: string }>('SELECT id FROM applications WHERE project_id = $1::uuid', [
    projectId,
  ]);
  return rows.map(({ id }) => id);
}

export interface NamedStrategyUse {
  application: string;
  strategy: unknown;
}

/** Applications whose strategy goes by a name, or has stages, whose strategies may. */
export function namedStrategiesIn(tx: HubTransaction, projectId: string): Promise<NamedStrategyUse[]> {
  return tx.sql<NamedStrategyUse>(
    `SELECT name AS application, spec->'strategy' AS strategy FROM applications
      WHERE project_id = $1::uuid AND spec->'strategy' ?| '{named,stages}' ORDER BY name`,
    [projectId],
  );
}
