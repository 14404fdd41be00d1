/** `project`: what the applications of a project may write, and where. */
import { isDeepStrictEqual } from 'node:util';
import type {
  NewSyncWindow,
  Project,
  ProjectAllowed,
  ProjectChange,
  SyncWindow,
} from '@flotilla/client/types';
import type { Command } from 'commander';
import { CommandError, exitCodes } from '../exit.ts';
import { collect, positiveInteger } from '../parse.ts';
import { readYaml } from '../readYaml.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { age, fields, table } from '../table.ts';
import { collectPages, type ListOptions } from './list.ts';

interface SetOptions {
  allowNamespace?: string[];
  allowClusterKind?: string[];
  denyKind?: string[];
  syncWindows?: string;
  strategies?: string;
  ifVersion?: number;
}

export function registerProject(program: Command, io: Io): void {
  const project = program.command('project').description('projects and what their applications may use');
  project
    .command('list')
    .description('all projects')
    .option('--limit <n>', 'at most so many', positiveInteger)
    .action(withSession(io, listProjects));
  project.command('get <name>').description('one project').action(withSession(io, getProject));
  project
    .command('set <name>')
    .description('replace the lists that are given; "" alone is an empty list. Nothing is deleted by it')
    .option('--allow-namespace <glob>', 'where applications may write; repeatable', collect)
    .option('--allow-cluster-kind <glob>', 'cluster-scoped "group/Kind" or "Kind"; repeatable', collect)
    .option('--deny-kind <glob>', 'namespaced "group/Kind" or "Kind" not to be written; repeatable', collect)
    .option('--sync-windows <file>', 'YAML list of {kind, schedule, duration, timeZone, …}; - is stdin')
    .option('--strategies <file>', 'YAML map of rollout strategies by name; - is stdin')
    .option('--if-version <n>', 'only if this is still its version', positiveInteger)
    .action(withSession(io, setProject));
}

async function listProjects({ client, io, print }: Session, options: ListOptions): Promise<void> {
  const page = await collectPages<Project>((query) => client.projects.list(query), options);
  const columns = [
    { title: 'NAME', value: (row: Project) => row.name },
    { title: 'NAMESPACES', value: (row: Project) => listText(row.spec.allowed.namespaces) },
    { title: 'CLUSTER KINDS', value: (row: Project) => listText(row.spec.allowed.clusterKinds) },
    { title: 'DENIED KINDS', value: (row: Project) => listText(row.spec.allowed.namespacedKindsDenied) },
    { title: 'AGE', value: (row: Project) => age(row.createdAt, io.now()) },
  ];
  print(page, () => table(columns, page.items, 'no projects'));
}

async function getProject({ client, print }: Session, name: string): Promise<void> {
  const project = await client.projects.get(name);
  print(project, () => describe(project));
}

async function setProject({ client, io, print }: Session, name: string, options: SetOptions): Promise<void> {
  const allowed = allowedOf(options);
  const change: ProjectChange = {
    ...(Object.keys(allowed).length > 0 && { allowed }),
    ...(options.syncWindows !== undefined && { syncWindows: await readWindows(io, options.syncWindows) }),
    ...(options.strategies !== undefined && { strategies: await readStrategies(io, options.strategies) }),
  };
  if (Object.keys(change).length === 0) {
    throw new CommandError(
      exitCodes.usage,
      'nothing to set',
      'give --allow-namespace, --allow-cluster-kind, --deny-kind, --sync-windows or --strategies',
    );
  }
  const project = await client.projects.update(name, change, options.ifVersion);
  print(project, () => describe(project));
}

/** What is in it is checked by the hub, which says what is wrong and where. */
async function readWindows(io: Io, file: string): Promise<NewSyncWindow[]> {
  const windows: unknown = await readYaml(io, file);
  if (Array.isArray(windows)) return windows as NewSyncWindow[];
  throw new CommandError(
    exitCodes.usage,
    `${file} is not a list of sync windows`,
    'begin it with "- kind: allow"',
  );
}

async function readStrategies(io: Io, file: string): Promise<Record<string, Record<string, unknown>>> {
  const strategies: unknown = await readYaml(io, file);
  if (typeof strategies === 'object' && strategies !== null && !Array.isArray(strategies))
    return strategies as Record<string, Record<string, unknown>>;
  throw new CommandError(
    exitCodes.usage,
    `${file} is not a map of strategies`,
    'begin it with a name and what belongs to it: "careful:", then "  onFailure: rollback"',
  );
}

function allowedOf({ allowNamespace, allowClusterKind, denyKind }: SetOptions): Partial<ProjectAllowed> {
  return {
    ...(allowNamespace && { namespaces: withoutEmpty(allowNamespace) }),
    ...(allowClusterKind && { clusterKinds: withoutEmpty(allowClusterKind) }),
    ...(denyKind && { namespacedKindsDenied: withoutEmpty(denyKind) }),
  };
}

/** A flag cannot be given without a value: an empty one stands for the empty list. */
function withoutEmpty(globs: readonly string[]): string[] {
  return globs.filter((glob) => glob !== '');
}

function describe({ name, version, spec: { allowed, syncWindows, strategies } }: Project): string {
  return fields([
    ['Name', name],
    ['Version', String(version)],
    ['Namespaces', listText(allowed.namespaces)],
    ['Cluster kinds', listText(allowed.clusterKinds)],
    ['Denied kinds', listText(allowed.namespacedKindsDenied)],
    ...Object.entries(strategies).map(([strategy, written]): [string, string] => [
      'Strategy',
      `${strategy}: ${JSON.stringify(written)}`,
    ]),
    ...syncWindows.map((window): [string, string] => ['Sync window', windowText(window)]),
  ]);
}

function windowText({ kind, schedule, duration, timeZone, ...window }: SyncWindow): string {
  const only = [
    window.applications.includes('*') ? '' : `applications ${window.applications.join(', ')}`,
    window.namespaces.includes('*') ? '' : `namespaces ${window.namespaces.join(', ')}`,
    isDeepStrictEqual(window.clusters, { selector: {} }) ? '' : `clusters ${JSON.stringify(window.clusters)}`,
    window.manualSync ? 'a person may pass' : '',
  ].filter((part) => part !== '');
  return [`${kind} from ${schedule} for ${duration} (${timeZone})`, ...only].join('; ');
}

function listText(globs: readonly string[]): string {
  return globs.length === 0 ? 'none' : globs.join(', ');
}
