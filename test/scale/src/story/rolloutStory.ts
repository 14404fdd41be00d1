/**
 * A rollout over a simulated fleet as it goes in life: five waves, some clusters that fail, some that are away and come back
 * when it is over. Told as a table while it happens, and as a chart afterwards.
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@flotilla/testkit/eventually';
import type { SimulatedFleet } from '../agents/fleet.ts';
import { settings, specOf, type World } from '../hub/world.ts';
import { clock, isWorthALine, tableHead, tableLine, type Sample } from './timeline.ts';
import { timelineChart } from './timelineChart.ts';

export interface Story {
  world: World;
  fleet: SimulatedFleet;
  /** Of clusters, 0 to 1. */
  failingShare: number;
  offlineShare: number;
  /** File for the chart. */
  chart: string | null;
}

const labels = { fleet: 'simulated' };
const application = 'settings';
const lookEveryMs = 250;
/** A cluster counts as offline after 90 s without a word. */
const untilOfflineMs = 150_000;

const strategy = {
  waves: [
    { name: 'canary', clusters: { percent: 1 } },
    { name: 'early', clusters: { percent: 10 } },
    { name: 'broad', clusters: { percent: 30 } },
    { name: 'most', clusters: { percent: 60 } },
  ],
  maxConcurrent: '25%',
  maxFailures: '10%',
  soak: '3s',
  deadline: '2m',
};

/** What it came to, for scripts. */
export interface StoryEnd {
  clusters: number;
  phase: string;
  tookMs: number;
  succeeded: number;
  failed: number;
  deferred: number;
  /** From their return until the last of those that were away was given it too. */
  caughtUpMs: number;
}

export async function tellRollout(story: Story, say: (line: string) => void): Promise<StoryEnd> {
  const { world, fleet, failingShare, offlineShare } = story;
  const timeoutMs = 60_000 + fleet.agents * 60;
  await fleet.allConnected(timeoutMs);
  const { client } = world.hub();
  await client.applications.create({ name: application, spec: { ...specOf(labels), strategy } });
  await fleet.until('the first revision is everywhere', ({ applied }) => applied >= fleet.agents, timeoutMs);
  await everywhere(world, 1, fleet.agents, timeoutMs);
  const away = Math.round(offlineShare * fleet.agents);
  say(`${fleet.agents} clusters run revision 1; ${away} of them go offline`);
  fleet.send({ type: 'leave', share: offlineShare });
  await untilOffline(world, away);
  fleet.behave({ answerMinMs: 500, answerMaxMs: 3000, failingShare });
  const samples = await follow(world, say);
  if (story.chart !== null) {
    const title = `${fleet.agents} clusters, ${percent(failingShare)} fail, ${percent(offlineShare)} offline`;
    await writeFile(story.chart, timelineChart(samples, title));
  }
  fleet.behave({ answerMinMs: 500, answerMaxMs: 3000, failingShare: 0 });
  const caughtUpMs = await comeBack(story, away, say);
  return { clusters: fleet.agents, ...endOf(samples), caughtUpMs };
}

/** From the push to the end of its rollout. */
async function follow(world: World, say: (line: string) => void): Promise<Sample[]> {
  const startMs = performance.now();
  await world.repository.commit({ files: { 'app/settings.yaml': settings('the next one') } });
  const { client } = world.hub();
  await client.repositories.refresh('config');
  const id = await eventually('the rollout has started', async () => {
    const { items } = await client.applications.rollouts(application, { limit: 1 });
    return items[0]?.revisionNumber === 2 && items[0].phase !== 'Queued' ? items[0].id : false;
  });
  const samples: Sample[] = [];
  let told: Sample | null = null;
  for (;;) {
    const { phase, waves, phaseReason } = await client.rollout(id, { events: 0, outcomes: false });
    const sample = { atMs: performance.now() - startMs, phase, waves };
    samples.push(sample);
    if (told === null) say(tableHead(sample));
    if (isWorthALine(sample, told)) say(tableLine((told = sample)));
    if (phase !== 'Running') {
      say(`${clock(sample.atMs)}  ${phase}${phaseReason === null ? '' : `: ${phaseReason}`}`);
      return samples;
    }
    await delay(lookEveryMs);
  }
}

async function comeBack({ world, fleet }: Story, away: number, say: (line: string) => void): Promise<number> {
  const startMs = performance.now();
  fleet.online(0.2);
  await everywhere(world, 2, fleet.agents, 60_000 + fleet.agents * 60);
  const tookMs = performance.now() - startMs;
  say(`the ${away} that were away are back, and were given revision 2 after ${(tookMs / 1000).toFixed(1)} s`);
  return tookMs;
}

function endOf(samples: readonly Sample[]): Omit<StoryEnd, 'clusters' | 'caughtUpMs'> {
  const last = samples.at(-1);
  const sum = (outcome: string) =>
    (last?.waves ?? []).reduce((total, { outcomes }) => total + (outcomes[outcome] ?? 0), 0);
  return {
    phase: last?.phase ?? '',
    tookMs: Math.round(last?.atMs ?? 0),
    succeeded: sum('Succeeded'),
    failed: sum('Failed'),
    deferred: sum('Deferred'),
  };
}

/** By the hub's rows of what was assigned. */
async function everywhere(world: World, revision: number, agents: number, timeoutMs: number): Promise<void> {
  await eventually(
    `revision ${revision} is assigned everywhere`,
    async () => {
      const [row] = await world.query<{ there: string }>(
        'SELECT count(*) AS there FROM targets WHERE revision_number = $1',
        [revision],
      );
      return Number(row?.there) === agents ? true : ([false, row] as const);
    },
    { timeoutMs },
  );
}

async function untilOffline(world: World, away: number): Promise<void> {
  await eventually(
    `${away} clusters are offline`,
    async () => {
      const [row] = await world.query<{ offline: string }>(
        `SELECT count(*) AS offline FROM clusters WHERE last_seen_at < now() - interval '90 seconds'`,
      );
      return Number(row?.offline) >= away ? true : ([false, row] as const);
    },
    { timeoutMs: untilOfflineMs },
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
