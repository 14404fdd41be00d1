/** What becomes of the newest commit on each cluster, told as it happens; and whether all of it has arrived. */
import { setTimeout as delay } from 'node:timers/promises';
import type { FlotillaClient } from '@flotilla/client/client';
import type { Application, Target } from '@flotilla/client/types';
import pc from 'picocolors';
import { MAIN_APPLICATION } from './sample.ts';
import { say } from './say.ts';

export interface Snapshot {
  applications: Application[];
  targets: Target[];
}

export interface ClusterOutcome {
  sync: string;
  health: string;
  /** Number of the main application's revision that is there; null while there is none. */
  revision: number | null;
}

const POLL_MS = 250;

export async function readSnapshot(client: FlotillaClient): Promise<Snapshot> {
  const [applications, targets] = await Promise.all([
    collect(client.applications.all()),
    collect(client.targets.all()),
  ]);
  return { applications, targets };
}

/** Every target there should be is Synced and Healthy, by word of its live agent, and all are at `commit`. */
export function hasArrived(
  { applications, targets }: Snapshot,
  commit: string,
  expectedTargets: number,
): boolean {
  const revisions = new Map(applications.map(({ id, revisionNumber }) => [id, revisionNumber]));
  const allResolved = applications.every(({ revision }) => revision?.commit === commit);
  return (
    allResolved &&
    targets.length >= expectedTargets &&
    targets.every((target) => isSettled(target, revisions))
  );
}

function isSettled(target: Target, revisions: Map<string, number>): boolean {
  const { revisionNumber, assignment, observedAssignment, sync, health, live } = target;
  const isNewest = revisionNumber !== null && revisionNumber === revisions.get(target.applicationId);
  return isNewest && assignment === observedAssignment && sync === 'Synced' && health === 'Healthy' && live;
}

/** Of a cluster over all applications: as good as the worst of its targets. */
export function outcomeOf({ targets }: Snapshot, cluster: string): ClusterOutcome {
  const own = targets.filter((target) => target.cluster === cluster);
  const main = own.find(({ application }) => application === MAIN_APPLICATION);
  return {
    sync: own.find(({ sync }) => sync !== 'Synced')?.sync ?? (own.length > 0 ? 'Synced' : 'Unknown'),
    health:
      own.find(({ health }) => health !== 'Healthy')?.health ?? (own.length > 0 ? 'Healthy' : 'Unknown'),
    revision: main?.observedRevision ?? null,
  };
}

/** One word for where a target is on its way. */
export function stageOf(target: Target): string {
  if (!target.live)
    return target.observedAssignment === null ? 'waiting for its agent' : 'no word from its agent';
  if (target.assignment === 0 || target.revisionNumber === null) return 'waiting to be assigned';
  const revision = `revision ${target.revisionNumber}`;
  if (target.observedAssignment !== target.assignment) return `${revision} assigned`;
  if (target.sync !== 'Synced') return `${revision} ${target.sync === 'OutOfSync' ? 'differs' : 'assigned'}`;
  if (target.health === 'Healthy') return `${revision} applied, Healthy`;
  return `${revision} applied, ${target.health}${target.healthMessage === '' ? '' : `: ${target.healthMessage}`}`;
}

/** Prints each change of a target, and of an application's newest commit, until the signal. */
export class ProgressWatch {
  readonly #client: FlotillaClient;
  readonly #stages = new Map<string, string>();
  last: Snapshot = { applications: [], targets: [] };

  constructor(client: FlotillaClient) {
    this.#client = client;
  }

  /** Until `done` says so of what was read; a hub that is away is asked again. */
  async run(done: (snapshot: Snapshot) => boolean, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const snapshot = await readSnapshot(this.#client).catch(() => undefined);
      if (snapshot !== undefined) {
        this.last = snapshot;
        this.#tell(snapshot);
        if (done(snapshot)) return;
      }
      await delay(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  #tell({ applications, targets }: Snapshot): void {
    for (const { name, revision, conditions } of applications) {
      const commit =
        revision === null ? 'no commit yet' : `commit ${revision.commit.slice(0, 7)} ${revision.message}`;
      const problems = conditions.map(({ type, message }) => `${type}: ${message}`);
      this.#tellChange('', name, [commit, ...problems].join('; ').replaceAll(/\s+/g, ' '));
    }
    for (const target of targets) this.#tellChange(target.cluster, target.application, stageOf(target));
  }

  #tellChange(cluster: string, application: string, stage: string): void {
    const key = `${cluster}/${application}`;
    if (this.#stages.get(key) === stage) return;
    this.#stages.set(key, stage);
    const time = new Date().toTimeString().slice(0, 8);
    const text = stage.endsWith('Healthy') ? pc.green(stage) : stage;
    say(`  ${pc.dim(time)} ${(cluster || 'git').padEnd(12)} ${application.padEnd(18)} ${text}`);
  }
}

async function collect<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}
