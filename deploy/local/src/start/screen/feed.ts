/** What was told, in order of time, the newest last; a line that is told anew moves to the end. */
import type { FeedItem } from './view.ts';

const kept = 200;

export class Feed {
  #items: FeedItem[] = [];

  add(items: readonly FeedItem[]): void {
    if (items.length === 0) return;
    const again = new Set(items.map(({ id }) => id));
    const others = this.#items.filter(({ id }) => !again.has(id));
    this.#items = [...others, ...items].toSorted((a, b) => a.atMs - b.atMs).slice(-kept);
  }

  get items(): readonly FeedItem[] {
    return this.#items;
  }
}
