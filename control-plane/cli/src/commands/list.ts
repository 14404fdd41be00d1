/** Lists: every page, or the first `--limit` rows; the same flags everywhere. */
import type { Page } from '@flotilla/client/types';

export interface ListOptions {
  limit?: number;
}

/** Collects rows page by page; `next` is null when everything was read. */
export async function collectPages<T>(
  list: (query: Record<string, string | number | undefined>) => Promise<Page<T>>,
  options: ListOptions,
  query: Record<string, string | number | undefined> = {},
): Promise<Page<T>> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(200, (options.limit ?? Infinity) - items.length);
    const page = await list({ ...query, limit, cursor });
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && items.length < (options.limit ?? Infinity));
  return { items, next: cursor ?? null };
}
