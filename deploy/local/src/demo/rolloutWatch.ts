/** Follows one rollout to its end, tells each change of its waves, and keeps what was seen in order. */
import { rolloutView, type RolloutView, type WaveView } from '../start/screen/view.ts';
import type { Tour } from './tour.ts';

export interface RolloutSeen {
  id: string;
  revision: number;
  /** Every different state, in order. */
  states: RolloutView[];
  end: RolloutView;
}

/** Of what only counts on. */
const noteGapMs = 2000;

/** The first rollout of the application whose commit this is. */
export async function followRollout(tour: Tour, application: string, commit: string): Promise<RolloutSeen> {
  const revision = await tour.until(
    `${application} has a revision of commit ${commit.slice(0, 7)}`,
    async () => {
      const { revision: newest } = await tour.client.applications.get(application);
      return newest?.commit === commit ? { found: newest.number } : { yet: newest };
    },
  );
  return followRevision(tour, application, revision, 'forward');
}

export async function followRevision(
  tour: Tour,
  application: string,
  revision: number,
  kind: 'forward' | 'rollback',
): Promise<RolloutSeen> {
  const states: RolloutView[] = [];
  let seen = '';
  let told = { text: '', step: '', atMs: 0 };
  return tour.until(`the ${kind} rollout of ${application} revision ${revision} ends`, async () => {
    const { items } = await tour.client.applications.rollouts(application, { limit: 5 });
    const found = items.find((rollout) => rollout.revisionNumber === revision && rollout.kind === kind);
    if (found === undefined)
      return { yet: items.map(({ revisionNumber, phase }) => [revisionNumber, phase]) };
    const names = waveNames((await tour.client.rollout(found.id, { events: 0, outcomes: false })).strategy);
    const view = rolloutView({ ...found, waveNames: names }, '', Date.now());
    const text = stateText(view);
    if (text !== seen) states.push(view);
    seen = text;
    const step = stepOf(view);
    const isDue = text !== told.text && (step !== told.step || performance.now() - told.atMs > noteGapMs);
    if (isDue) told = { text, step, atMs: performance.now() };
    if (isDue) tour.note(text);
    return found.closedAt === null ? { yet: view } : { found: { id: found.id, revision, states, end: view } };
  });
}

function waveNames({ waves }: Record<string, unknown>): string[] {
  return Array.isArray(waves) ? waves.map((wave: { name?: unknown }) => String(wave.name)) : [];
}

/** What a person must not miss: a phase, and a wave that begins or ends. */
function stepOf({ phase, waves }: RolloutView): string {
  const marks = waves.map(({ done, total, inFlight }) => `${done === total}${inFlight + done > 0}`);
  return [phase, ...marks].join(' ');
}

function stateText({ application, revision, kind, phase, reason, waves }: RolloutView): string {
  const name = kind === 'rollback' ? 'rollback' : 'rollout';
  const why = reason === '' ? '' : ` (${reason})`;
  return `${name} of ${application} revision ${revision} ${phase}${why}: ${waves.map(waveText).join(' · ')}`;
}

function waveText({ name, done, total, inFlight, failed }: WaveView): string {
  const moving = inFlight > 0 ? `, ${inFlight} under way` : '';
  return `${name} ${done}/${total}${moving}${failed > 0 ? `, ${failed} failed` : ''}`;
}

/** In no state had a wave begun before the one before it was done. */
export function wentInWaves(states: readonly RolloutView[]): boolean {
  return states.every(({ waves }) =>
    waves.every((wave, at) => {
      const before = waves.slice(0, at);
      return (
        wave.done + wave.inFlight + wave.failed === 0 || before.every(({ done, total }) => done === total)
      );
    }),
  );
}
