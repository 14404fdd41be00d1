/** Walks a keyset-paged collection, item by item, fetching a page only when it is needed. */
import type { QueryValue, Transport } from './transport.ts';
import type { Page } from './types.ts';

export async function* items<T>(
  transport: Transport,
  path: string,
  query: Record<string, QueryValue> = {},
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await transport.json<Page<T>>('GET', path, { query: { ...query, cursor } });
    yield* page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
