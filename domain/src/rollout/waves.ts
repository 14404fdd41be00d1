/**
 * Which wave a target belongs to: the first one that matches by labels or names; what no such wave matches is the rest,
 * which percent waves share out in turn and the last wave takes over. Decided once, when a rollout starts.
 */
import { matchesAnyGlob } from '../placement/glob.ts';
import { matchesSelector, type Labels } from '../placement/selector.ts';
import type { Strategy, WaveMatch } from './strategy.ts';

export interface WaveMember {
  id: string;
  clusterName: string;
  labels: Labels;
}

/** Wave index by target id. Deterministic, whatever the order of the members. */
export function wavesOf(strategy: Strategy, members: readonly WaveMember[]): Map<string, number> {
  const waves = new Map<string, number>();
  const rest: WaveMember[] = [];
  for (const member of members) {
    const wave = explicitWave(strategy, member);
    if (wave < 0) rest.push(member);
    else waves.set(member.id, wave);
  }
  for (const [id, wave] of shareOut(strategy, rest)) waves.set(id, wave);
  return waves;
}

/** A target that joins a running rollout: percent waves have been shared out, so the rest is the last wave. */
export function waveOfJoiner(strategy: Strategy, member: WaveMember): number {
  const wave = explicitWave(strategy, member);
  return wave < 0 ? strategy.waves.length - 1 : wave;
}

/** Targets per wave, and how many match none and go last: what a strategy would do to these targets. */
export function previewWaves(
  strategy: Strategy,
  members: readonly WaveMember[],
): { waves: { name: string; targets: number }[]; unmatched: number } {
  const waves = strategy.waves.map(({ name }) => ({ name, targets: 0 }));
  for (const wave of wavesOf(strategy, members).values()) {
    const counted = waves[wave];
    if (counted !== undefined) counted.targets += 1;
  }
  return { waves, unmatched: strategy.waves.length > 1 ? (waves.at(-1)?.targets ?? 0) : 0 };
}

function explicitWave(strategy: Strategy, member: WaveMember): number {
  return strategy.waves.findIndex(({ match }) => matchesExplicitly(match, member));
}

/** By labels or names. */
export function matchesExplicitly(match: WaveMatch, member: WaveMember): boolean {
  switch (match.type) {
    case 'labels':
      return matchesSelector(match.selector, member.labels);
    case 'names':
      return matchesAnyGlob(match.names, member.clusterName);
    case 'percent':
    case 'rest':
      return false;
  }
}

function shareOut(strategy: Strategy, rest: readonly WaveMember[]): [string, number][] {
  const left = rest
    .map(({ id }) => ({ id, at: spread(id) }))
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  const shared: [string, number][] = [];
  strategy.waves.forEach(({ match }, wave) => {
    if (match.type === 'labels' || match.type === 'names') return;
    const count = match.type === 'percent' ? Math.ceil((match.percent * left.length) / 100) : left.length;
    for (const { id } of left.splice(0, count)) shared.push([id, wave]);
  });
  return shared;
}

/** FNV-1a: neighbours by name or age land in different waves, and the same ones are the canaries every time. */
function spread(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}
