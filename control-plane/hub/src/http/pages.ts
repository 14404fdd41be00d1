/** Keyset pages: `{items, next}`. A cursor is the sort key of the last row, opaque to callers. */
import { z } from 'zod';
import { badRequest } from './problem.ts';

export interface Page<T> {
  items: T[];
  /** Null at the end. */
  next: string | null;
}

export const pageLimitMax = 500;

/** Query parameters of every list: spread its `shape` into a list's own schema. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(pageLimitMax).default(100),
  cursor: z.string().max(1024).optional(),
});

export type PageQuery = z.infer<typeof pageQuery>;

/** `rows` were read with a limit of `limit + 1`. `keyOf` gives the sort key of a row. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => (string | number | null)[],
  itemOf: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null;
  return { items: shown.map(itemOf), next };
}

export function encodeCursor(key: (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The sort key; null without a cursor. Its parts are strings as far as `parts` says. @throws Problem */
export function decodeCursor(cursor: string | undefined, parts: number): string[] | null {
  if (cursor === undefined || cursor === '') return null;
  try {
    const key = z
      .array(z.union([z.string(), z.number()]))
      .length(parts)
      .parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return key.map(String);
  } catch {
    throw badRequest('the cursor is not one of this list');
  }
}
