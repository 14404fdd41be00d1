/** `app list` and `app get`. */
import type { Application, Target } from '@flotilla/client/types';
import type { Session } from '../session.ts';
import { fields, short, statusColor, table, type Column } from '../table.ts';
import { countsText } from './counts.ts';
import { collectPages, type ListOptions } from './list.ts';
import { stagesText } from './stages.ts';
import { currencyText, stageColumns, targetColumns, variantColumn } from './targets.ts';

export function applicationColumns({ colors }: Session): Column<Application>[] {
  return [
    { title: 'NAME', value: (row) => row.name },
    { title: 'PROJECT', value: (row) => row.project },
    { title: 'SYNC', value: (row) => statusColor(colors, row.sync) },
    { title: 'HEALTH', value: (row) => statusColor(colors, row.health) },
    { title: 'CURRENCY', value: (row) => currencyText(row.currency) },
    { title: 'REVISION', value: (row) => (row.revisionNumber === 0 ? '-' : String(row.revisionNumber)) },
    { title: 'COMMIT', value: (row) => short(row.revision?.commit) },
    { title: 'TARGETS', value: (row) => countsText(colors, row.status.health) },
    { title: 'ROLLOUT', value: (row) => (row.rollout ? statusColor(colors, row.rollout.phase) : '-') },
  ];
}

export async function listApps(session: Session, options: ListOptions): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const page = await collectPages<Application>(
    (paging) => session.client.applications.list(paging),
    options,
    query,
  );
  session.print(page, () =>
    table(
      applicationColumns(session),
      page.items,
      'no applications; make one: flotilla app create <name> --repo <name> …',
    ),
  );
}

export async function getApp(session: Session, name: string): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const application = await session.client.applications.get(name, query);
  if (session.format !== 'table') return session.print(application, () => '');
  const targets = await targetsOf(session, name);
  const order = application.stages?.map((stage) => stage.name) ?? [];
  const ordered = targets.toSorted((a, b) => order.indexOf(a.stage) - order.indexOf(b.stage));
  const parts = [
    describe(session, application),
    stagesText(session, application),
    targetTable(session, ordered),
  ];
  session.print(application, () => parts.filter((part) => part !== '').join('\n\n'));
}

export async function targetsOf(session: Session, name: string): Promise<Target[]> {
  const query = session.project === undefined ? {} : { project: session.project };
  const targets: Target[] = [];
  for await (const target of session.client.applications.targets(name, query)) targets.push(target);
  return targets.toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

function describe({ colors }: Session, application: Application): string {
  const [source] = application.spec.sources;
  const { revision, rollout } = application;
  const ref =
    source === undefined
      ? '-'
      : Object.entries(source.ref)
          .map(([kind, value]) => `${kind} ${value}`)
          .join();
  const reason = rollout?.phaseReason ? ` (${rollout.phaseReason})` : '';
  const rolloutText =
    rollout === null
      ? '-'
      : `revision ${rollout.revisionNumber}: ${statusColor(colors, rollout.phase)}${reason}`;
  return fields([
    ['Name', application.name],
    ['Project', application.project],
    ['Source', source === undefined ? '-' : `${source.repository} · ${ref} · ${source.path}`],
    ['Namespace', application.spec.destination.namespace],
    ['Sync', statusColor(colors, application.sync)],
    ['Health', statusColor(colors, application.health)],
    ['Currency', currencyText(application.currency)],
    [
      'Revision',
      revision === null
        ? '-'
        : `${revision.number} (${short(revision.commit)}) ${firstLine(revision.message)}`,
    ],
    ...(application.stages === undefined ? [['Rollout', rolloutText] as const] : []),
    ...(application.removal ? [['Removing', colors.yellow(application.removal)] as const] : []),
    ...application.conditions.map(({ type, message }) => [type, colors.red(message)] as const),
  ]);
}

function targetTable(session: Session, targets: readonly Target[]): string {
  const { cluster, sync, health, revision, currency, seen, message } = targetColumns(session);
  const differs = targets.some(({ reads }) => Object.keys(reads).length > 0);
  return table(
    [
      cluster,
      ...stageColumns(targets),
      sync,
      health,
      revision,
      ...(differs ? [variantColumn] : []),
      currency,
      seen,
      message,
    ],
    targets,
    'not placed on any cluster',
  );
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
