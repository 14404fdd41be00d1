/**
 * From one look at the fleet to the next: what a person would tell of it. Pure but for what it remembers of what it has told.
 * Of a few clusters it says the names, of many their number: never 200 lines for 200 clusters.
 */
import type { Cluster, Target, Transition } from '@flotilla/client/types';
import { harmless } from '@flotilla/client/cells';
import { isSettled } from './mood.ts';
import type { FleetSight, SeenRollout } from './sight.ts';
import { namesOf, spell } from './text.ts';
import type { FeedItem, Tone } from './view.ts';
import { authorWords, commitWords, driftWords, statusTone } from './words.ts';

/** Of one kind: beyond so many at once only their number is told. */
const singlesMax = 3;
const smallFleetMax = 12;

interface Arrival {
  sinceMs: number;
  isDone: boolean;
}

export class Narrator {
  readonly #arrivals = new Map<string, Arrival>();
  readonly #drifts = new Set<string>();
  /** When this process itself last changed something, by cluster. */
  readonly #ownDrifts = new Map<string, number>();

  /** By which `put back after` is told to the tenth of a second. */
  noteOwnDrift(cluster: string, atMs: number): void {
    this.#ownDrifts.set(cluster, atMs);
  }

  /** `before` is null at the first look: what is there already is no news, but for commits under way. */
  tell(before: FleetSight | null, now: FleetSight, nowMs: number): FeedItem[] {
    return [
      ...this.#commits(now, nowMs),
      ...this.#drift(now, before === null),
      ...(before === null ? [] : clusterNews(before, now, nowMs)),
      ...(before === null ? [] : healthNews(before, now, nowMs)),
      ...(before === null ? [] : rolloutNews(before, now, nowMs)),
      ...conditionNews(before, now, nowMs),
    ];
  }

  #commits({ applications, targets }: FleetSight, nowMs: number): FeedItem[] {
    const withCommit = applications.flatMap(({ id, revision, revisionNumber }) =>
      revision === null ? [] : [{ id, revision, revisionNumber }],
    );
    return [...Map.groupBy(withCommit, ({ revision }) => revision.commit)].flatMap(([commit, at]) => {
      const arrival = this.#arrivals.get(commit) ?? { sinceMs: nowMs, isDone: false };
      this.#arrivals.set(commit, arrival);
      const [first] = at;
      if (arrival.isDone || first === undefined) return [];
      const newest = new Map(at.map(({ id, revisionNumber }) => [id, revisionNumber]));
      const concerned = targets.filter(({ applicationId }) => newest.has(applicationId));
      const { there, total } = arrivalOf(concerned, newest);
      if (total === 0) return [];
      arrival.isDone = there === total;
      const author = authorWords(first.revision.author);
      const what = `${commitWords(first.revision)}${author === '' ? '' : ` by ${author}`}`;
      const end = arrival.isDone
        ? `on all ${total} clusters after ${spell(nowMs - arrival.sinceMs)}`
        : `${there} of ${total} clusters there`;
      const tone = arrival.isDone ? 'good' : 'moving';
      return [{ id: `commit ${commit}`, atMs: nowMs, tone, text: `${what}: ${end}` }];
    });
  }

  #drift({ drifts }: FleetSight, isFirst: boolean): FeedItem[] {
    const fresh = drifts.filter((drift) => !this.#drifts.has(keyOf(drift)));
    for (const drift of fresh) this.#drifts.add(keyOf(drift));
    if (isFirst || fresh.length === 0) return [];
    if (fresh.length > singlesMax) {
      const text = `${fresh.length} changes by others put back, on ${namesOf(fresh.map(({ cluster }) => cluster))}`;
      return [{ id: keyOf(fresh[0]!), atMs: Date.parse(fresh[0]!.at), tone: 'good', text }];
    }
    return fresh.map((drift) => {
      const { reverted } = drift.detail as { reverted?: boolean };
      const madeAtMs = this.#ownDrifts.get(drift.cluster);
      const tone = reverted === true ? 'good' : 'bad';
      return { id: keyOf(drift), atMs: Date.parse(drift.at), tone, text: driftWords(drift, madeAtMs) };
    });
  }
}

function keyOf({ at, agentAt, target, to }: Transition): string {
  return `drift ${target} ${agentAt ?? at} ${to ?? ''}`;
}

/** A cluster is there when all that is placed on it of these applications is. */
function arrivalOf(
  targets: readonly Target[],
  newest: ReadonlyMap<string, number>,
): { there: number; total: number } {
  const clusters = Map.groupBy(targets, ({ clusterId }) => clusterId);
  const there = [...clusters.values()].filter((own) =>
    own.every((target) => isSettled(target) && target.revisionNumber === newest.get(target.applicationId)),
  );
  return { there: there.length, total: clusters.size };
}

interface News<T> {
  id: string;
  of: readonly T[];
  tone: Tone;
  one: (item: T) => string;
  many: (items: readonly T[]) => string;
}

function told<T>({ id, of, tone, one, many }: News<T>, nowMs: number): FeedItem[] {
  const item = (text: string, at: number): FeedItem => ({
    id: `${id} ${nowMs} ${at}`,
    atMs: nowMs,
    tone,
    text: harmless(text),
  });
  if (of.length > singlesMax) return [item(many(of), 0)];
  return of.map((single, at) => item(one(single), at));
}

function clusterNews(before: FleetSight, now: FleetSight, nowMs: number): FeedItem[] {
  const known = new Map(before.clusters.map((cluster) => [cluster.id, cluster]));
  const changed = (is: (cluster: Cluster) => boolean) =>
    now.clusters.filter((cluster) => {
      const earlier = known.get(cluster.id);
      return is(cluster) && !(earlier !== undefined && is(earlier));
    });
  const names = (clusters: readonly Cluster[]) => namesOf(clusters.map(({ name }) => name));
  const news: News<Cluster>[] = [
    {
      id: 'offline',
      of: changed(({ connection }) => connection === 'Offline'),
      tone: 'bad',
      one: ({ name }) => `${name}: agent not heard any more`,
      many: (clusters) => `${clusters.length} agents not heard any more: ${names(clusters)}`,
    },
    ...(['Quarantined', 'Revoked', 'Paused'] as const).map((state): News<Cluster> => ({
      id: state,
      of: changed((cluster) => cluster.state === state),
      tone: 'bad',
      one: ({ name, stateReason }) => `${name} is ${state}${stateReason === null ? '' : `: ${stateReason}`}`,
      many: (clusters) => `${clusters.length} clusters are ${state}: ${names(clusters)}`,
    })),
  ];
  const connected = changed(({ connection }) => connection === 'Connected');
  return [...connectedNews(connected, now.clusters, nowMs), ...news.flatMap((each) => told(each, nowMs))];
}

/** Of a large fleet one line, which counts. */
function connectedNews(fresh: readonly Cluster[], all: readonly Cluster[], nowMs: number): FeedItem[] {
  if (fresh.length === 0) return [];
  if (all.length <= smallFleetMax) {
    const one = ({ name }: Cluster) => `${name}: agent connected`;
    const many = (clusters: readonly Cluster[]) => `${clusters.length} agents connected`;
    return told({ id: 'connected', of: fresh, tone: 'good', one, many }, nowMs);
  }
  const count = all.filter(({ connection }) => connection === 'Connected').length;
  return [{ id: 'connected', atMs: nowMs, tone: 'moving', text: `${count} agents are connected` }];
}

function healthNews(before: FleetSight, now: FleetSight, nowMs: number): FeedItem[] {
  const earlier = new Map(before.targets.map((target) => [target.id, target]));
  const isBad = (target: Target | undefined) =>
    target !== undefined && target.live && target.health === 'Degraded';
  const clusters = (targets: readonly Target[]) => namesOf(targets.map(({ cluster }) => cluster));
  const degraded: News<Target> = {
    id: 'degraded',
    of: now.targets.filter((target) => isBad(target) && !isBad(earlier.get(target.id))),
    tone: 'bad',
    one: ({ cluster, application, healthMessage }) =>
      `${cluster}: ${application} is degraded: ${healthMessage}`,
    many: (targets) => `${targets.length} targets are degraded: ${clusters(targets)}`,
  };
  const mended: News<Target> = {
    id: 'mended',
    of: now.targets.filter(({ id, live, health }) => live && health === 'Healthy' && isBad(earlier.get(id))),
    tone: 'good',
    one: ({ cluster, application }) => `${cluster}: ${application} is healthy again`,
    many: (targets) => `${targets.length} targets are healthy again: ${clusters(targets)}`,
  };
  return [...told(degraded, nowMs), ...told(mended, nowMs)];
}

/** A halt, an end by force and the step to a next wave are news. */
function rolloutNews(before: FleetSight, now: FleetSight, nowMs: number): FeedItem[] {
  const earlier = new Map(before.rollouts.map((rollout) => [rollout.id, rollout]));
  return now.rollouts.flatMap((rollout) => {
    const known = earlier.get(rollout.id);
    const name = `${rollout.kind === 'rollback' ? 'rollback' : 'rollout'} of ${rollout.application} revision ${rollout.revisionNumber}`;
    const item = (what: string, tone: Tone, text: string): FeedItem => ({
      id: `rollout ${rollout.id} ${what}`,
      atMs: nowMs,
      tone,
      text: harmless(text),
    });
    if (known?.phase !== rollout.phase && isTold(rollout)) {
      const why = rollout.phaseReason === null ? '' : `: ${rollout.phaseReason}`;
      return [item(rollout.phase, statusTone(rollout.phase), `${name} is ${rollout.phase}${why}`)];
    }
    const wave = waveUnderWay(rollout);
    if (wave === 0 || (known !== undefined && waveUnderWay(known) === wave)) return [];
    const { total = 0 } = rollout.waves[wave] ?? {};
    const waveName = rollout.waveNames[rollout.waves[wave]?.wave ?? wave] ?? String(wave + 1);
    return [item(`wave ${wave}`, 'moving', `${name}: on to wave "${waveName}", ${total} clusters`)];
  });
}

/** One that goes its way is told by its commit, one that was superseded by the next. */
function isTold({ phase, kind }: SeenRollout): boolean {
  return kind === 'rollback' || !['Running', 'Completed', 'Superseded'].includes(phase);
}

/** The last wave in which something was assigned. */
function waveUnderWay({ waves, closedAt }: SeenRollout): number {
  if (closedAt !== null) return 0;
  const begun = waves.findLastIndex(({ outcomes }) =>
    ['Assigned', 'Progressing', 'Soaking', 'Succeeded', 'Failed'].some(
      (outcome) => (outcomes[outcome] ?? 0) > 0,
    ),
  );
  return Math.max(begun, 0);
}

/** Why an application's newest commit goes nowhere: no target says that. */
function conditionNews(before: FleetSight | null, now: FleetSight, nowMs: number): FeedItem[] {
  const known = new Map(before?.applications.map(({ id, conditions }) => [id, conditions]));
  return now.applications.flatMap(({ id, name, conditions }) =>
    conditions
      .filter(
        ({ type, message }) => !known.get(id)?.some((old) => old.type === type && old.message === message),
      )
      .map(({ type, message }): FeedItem => ({
        id: `condition ${id} ${type}`,
        atMs: nowMs,
        tone: 'bad',
        text: harmless(`${name}: ${type}: ${message}`),
      })),
  );
}
