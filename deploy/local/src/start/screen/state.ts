/** All that is known while a local fleet starts and runs, and the view of it. */
import { ENVIRONMENTS, MAIN_APPLICATION } from '../sample.ts';
import { Feed } from './feed.ts';
import { moodsOf, type ClusterMood } from './mood.ts';
import { nothingSeen, type FleetSight, type SeenRollout } from './sight.ts';
import { rolloutView, type HubView, type PartView, type RolloutView, type ScreenView } from './view.ts';
import { commitWords } from './words.ts';

export interface ShowState {
  engine: string;
  startedMs: number;
  /** '' until there is one. */
  hubUrl: string;
  hubAwaySinceMs: number | null;
  parts: Part[];
  /** How many clusters the fleet has. */
  clusters: number;
  sight: FleetSight;
  feed: Feed;
  busy: string;
  /** False while nothing can be done yet. */
  hasKeys: boolean;
}

export interface Part {
  name: string;
  state: PartView['state'];
  startedMs: number;
  tookMs: number;
}

const closedShownMs = 8000;

export function newState(nowMs: number): ShowState {
  return {
    engine: '',
    startedMs: nowMs,
    hubUrl: '',
    hubAwaySinceMs: null,
    parts: [],
    clusters: 0,
    sight: nothingSeen,
    feed: new Feed(),
    busy: '',
    hasKeys: false,
  };
}

export function viewOf(state: ShowState, nowMs: number): ScreenView {
  const { sight, parts } = state;
  const connected = sight.clusters.filter(({ connection }) => connection === 'Connected').length;
  return {
    nowMs,
    engine: state.engine,
    upMs: nowMs - state.startedMs,
    hub: hubView(state, nowMs),
    agents: { connected: Math.min(connected, state.clusters), total: state.clusters },
    parts: parts.map((part) => ({
      name: part.name,
      state: part.state,
      tookMs: part.state === 'running' ? nowMs - part.startedMs : part.tookMs,
    })),
    clusters: moodsOf(sight, { groupLabel: 'environment', main: MAIN_APPLICATION }).toSorted(inOrder),
    rollouts: rolloutViews(sight, nowMs),
    feed: state.feed.items,
    keys: keysOf(state),
    busy: state.busy,
  };
}

/** As a commit goes over the fleet. */
function inOrder(a: ClusterMood, b: ClusterMood): number {
  const rank = ({ group }: ClusterMood) => ENVIRONMENTS.findIndex((environment) => environment === group);
  return rank(a) - rank(b) || a.name.localeCompare(b.name, 'en', { numeric: true });
}

function hubView({ hubUrl, hubAwaySinceMs }: ShowState, nowMs: number): HubView {
  if (hubUrl === '') return { state: 'starting' };
  if (hubAwaySinceMs === null) return { state: 'here', url: hubUrl };
  return { state: 'away', url: hubUrl, forMs: nowMs - hubAwaySinceMs };
}

/** Those under way, the main application's first; one that has closed stays for a moment. */
function rolloutViews({ rollouts, applications }: FleetSight, nowMs: number): RolloutView[] {
  const isShown = ({ closedAt }: SeenRollout) =>
    closedAt === null || nowMs - Date.parse(closedAt) < closedShownMs;
  const rank = ({ application }: SeenRollout) => (application === MAIN_APPLICATION ? 0 : 1);
  return rollouts
    .filter(isShown)
    .toSorted((a, b) => rank(a) - rank(b) || a.application.localeCompare(b.application))
    .map((rollout) => {
      const application = applications.find(({ id }) => id === rollout.applicationId);
      const revision = application?.revision;
      const isNewest = revision?.number === rollout.revisionNumber && rollout.kind === 'forward';
      return rolloutView(rollout, isNewest && revision ? commitWords(revision) : '', nowMs);
    });
}

function keysOf({ hasKeys, hubAwaySinceMs }: ShowState): ScreenView['keys'] {
  const quit = { key: 'q', does: 'quit' };
  if (!hasKeys) return [quit];
  return [
    { key: 'p', does: 'push a change' },
    { key: 'd', does: 'make drift' },
    { key: 'h', does: hubAwaySinceMs === null ? 'stop the hub' : 'start the hub' },
    { key: 'c', does: 'commands' },
    quit,
  ];
}
