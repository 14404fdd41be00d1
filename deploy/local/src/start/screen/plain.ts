/**
 * Where there is no terminal to draw on: a line for each thing that happens, and how many clusters do how whenever that
 * has changed, at most once a second. Never a line for each of many clusters.
 */
import pc from 'picocolors';
import { moodsOf, type ClusterMood } from './mood.ts';
import { inTone, moods, moodWords } from './paint.ts';
import type { FleetSight } from './sight.ts';
import { clockTime } from './text.ts';
import type { FeedItem } from './view.ts';

const gapMs = 1000;

export class PlainLines {
  readonly #write: (line: string) => void;
  readonly #toldAt = new Map<string, { atMs: number; text: string }>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Lines that are told anew, such as how far a commit is, are paced; their end is always told. */
  tell(items: readonly FeedItem[], nowMs: number): void {
    for (const { id, tone, text } of items) {
      const before = this.#toldAt.get(id);
      const isPaced = tone === 'moving' && before !== undefined && nowMs - before.atMs < gapMs;
      if (before?.text === text || isPaced) continue;
      this.#toldAt.set(id, { atMs: nowMs, text });
      this.#write(`  ${pc.dim(clockTime(nowMs))} ${inTone(pc, tone)(text)}`);
    }
  }

  count(sight: FleetSight, main: string, nowMs: number): void {
    const text = countsText(moodsOf(sight, { groupLabel: '', main }));
    if (text === '') return;
    this.tell([{ id: 'counts', atMs: nowMs, tone: 'moving', text }], nowMs);
  }
}

/** `198 healthy, 2 degraded`. */
export function countsText(clusters: readonly ClusterMood[]): string {
  return moods
    .toReversed()
    .map((mood) => [moodWords[mood], clusters.filter((cluster) => cluster.mood === mood).length] as const)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
}
