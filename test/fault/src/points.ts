/**
 * The crash points of a commit's way, in its order, and how each is reached from outside: a transaction that waits for a
 * lock of the test's, a request, an answer or a message that a proxy holds. Nothing in the product knows of them.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeldRequest, RequestMatch } from '@flotilla/testkit/apiProxy';
import { stopAtRow, type RowStopOptions } from '@flotilla/testkit/rowStop';
import type { Scene } from './scene.ts';

export type Victim = 'hub' | 'agent';

/** A place at which something waits. */
export interface Stop {
  reached: Promise<unknown>;
  /** What waits goes on, or is lost with the victim that asked for it. */
  end: (victim: Victim | null) => Promise<void>;
}

export interface Point {
  name: string;
  /** Called before the commit is announced. */
  stop: (scene: Scene) => Promise<Stop>;
}

const inventory = /\/secrets\/flotilla-inventory-/;
const agentSecret = /\/secrets\/flotilla-agent(\?|$)/;
const configMaps = /\/configmaps\//;

/** Of the hub: from the webhook to the message that leaves it. */
export const pointsOfHub: readonly Point[] = [
  { name: 'webhook stored', stop: committing('webhook_deliveries', 'INSERT') },
  { name: 'commit fetched', stop: committing('source_trees', 'INSERT') },
  { name: 'revision stored', stop: committing('revisions', 'INSERT') },
  { name: 'variant and bundle stored', stop: committing('variants', 'INSERT') },
  { name: 'targets assigned', stop: committing('targets', 'UPDATE', 'NEW.assignment > OLD.assignment') },
  { name: 'Desired sent', stop: desiredSent },
];

/** Of the agent: from the snapshot on its volume to the inventory without what is gone. */
export const pointsOfAgent: readonly Point[] = [
  { name: 'snapshot renamed', stop: snapshotRenamed },
  {
    name: 'acked',
    stop: committing('clusters', 'UPDATE', 'NEW.accepted_generation > OLD.accepted_generation'),
  },
  { name: 'inventory written', stop: holding({ method: 'PUT', path: inventory, when: 'after' }) },
  { name: 'first PATCH', stop: holding({ method: 'PATCH', path: configMaps, when: 'after' }) },
  { name: 'last PATCH', stop: holding({ method: 'PATCH', path: configMaps, when: 'after', nth: 2 }) },
  { name: 'before DELETE', stop: holding({ method: 'DELETE', path: configMaps, when: 'before' }) },
  { name: 'after DELETE', stop: holding({ method: 'DELETE', path: configMaps, when: 'after' }) },
  { name: 'inventory shrunk', stop: inventoryShrunk },
];

/** Of both: the result on its way back. */
export const pointsOfReport: readonly Point[] = [
  { name: 'report sent', stop: (scene) => reporting(scene, 'row') },
  { name: 'report committed', stop: (scene) => reporting(scene, 'commit') },
];

/** The transaction that writes such a row has done everything, and is committed whatever becomes of the hub. */
function committing(table: string, event: RowStopOptions['event'], condition = 'true'): Point['stop'] {
  return async ({ fleet }) => {
    const { reached, release } = await stopAtRow(fleet.database.url, {
      table,
      event,
      condition,
      at: 'commit',
    });
    return { reached, end: release };
  };
}

/** The result of an assignment that is still to come. */
async function reporting({ fleet }: Scene, at: 'row' | 'commit'): Promise<Stop> {
  const [row] = await fleet.database.query<{ last: number }>(
    'SELECT max(assignment)::int AS last FROM targets',
  );
  const { reached, release } = await stopAtRow(fleet.database.url, {
    table: 'target_observations',
    event: 'INSERT OR UPDATE',
    condition: `NEW.assignment > ${row?.last ?? 0} AND NEW.sync = 'Synced' AND NEW.operation_phase = 'Succeeded'`,
    at,
  });
  return { reached, end: release };
}

function holding(match: RequestMatch): Point['stop'] {
  return ({ api }) => Promise.resolve(stopOf(api.hold(match)));
}

/** A dead agent's request never arrives, and its answer is never read. */
function stopOf({ reached, release, cut }: HeldRequest): Stop {
  return { reached, end: async (victim) => (victim === 'agent' ? cut() : release()) };
}

/** Larger than any sign of life. */
const desiredBytesMin = 300;

/** Its bytes have left the hub, and are on their way. */
async function desiredSent({ fleet, wire }: Scene): Promise<Stop> {
  const recorded = await stopAtRow(fleet.database.url, {
    table: 'sent_marks',
    event: 'INSERT',
    at: 'commit',
  });
  const sent = recorded.reached.then(async () => {
    const held = wire.holdAnswer(desiredBytesMin);
    await recorded.release();
    await held.reached;
    return held;
  });
  return { reached: sent, end: async () => (await sent).release() };
}

/** The snapshot is in its place and the mark is not: the request that writes the mark is held. */
async function snapshotRenamed({ fleet, cluster, api }: Scene): Promise<Stop> {
  const file = join(fleet.dataDirOf(cluster), 'snapshot');
  const { ino: before } = await stat(file);
  const isRenamed = async () => (await stat(file)).ino !== before;
  const reached = (async () => {
    for (;;) {
      const held = api.hold({ method: 'PUT', path: agentSecret });
      await held.reached;
      if (await isRenamed()) return held;
      held.release();
    }
  })();
  return { reached, end: async (victim) => stopOf(await reached).end(victim) };
}

async function inventoryShrunk({ api }: Scene): Promise<Stop> {
  const beforeDelete = api.hold({ method: 'DELETE', path: configMaps });
  const reached = beforeDelete.reached.then(async () => {
    const held = api.hold({ method: 'PUT', path: inventory, when: 'after' });
    beforeDelete.release();
    await held.reached;
    return held;
  });
  return { reached, end: async (victim) => stopOf(await reached).end(victim) };
}
