/**
 * Rows as the parameters of one statement: an array a column. What is written of a fleet at once is mostly the same from
 * row to row: a column in which all rows agree goes as one value, and long text of which there are only a few kinds goes
 * as those few, with a number a row.
 */
import { pgArray, type ElementType } from './pgArray.ts';

type Value = Parameters<typeof pgArray>[1][number];

export interface NamedColumn<Row> {
  name: string;
  type: ElementType;
  of: (row: Row) => Value;
}

export interface PgRows {
  /** A subquery for FROM; its columns have their names and come in their order. The parameters count from $1. */
  sql: string;
  params: Buffer[];
}

/** More kinds than this are looked up more slowly than they are read. */
const kindsMax = 8;

/** `key` differs from row to row. */
export function pgRows<Row>(
  rows: readonly Row[],
  key: NamedColumn<Row>,
  columns: readonly NamedColumn<Row>[],
): PgRows {
  const params = [pgArray(key.type, rows.map(key.of))];
  const arrays = [`$1::${key.type}[]`];
  const names = [key.name];
  const selected = [key.name];
  const addArray = (name: string, type: ElementType, values: readonly Value[]) => {
    arrays.push(`$${params.push(pgArray(type, values))}::${type}[]`);
    names.push(name);
  };
  for (const { name, type, of } of columns) {
    const values = rows.map(of);
    const kinds = kindsOf(values, isLong(type) ? kindsMax : 1);
    if (kinds === null) addArray(name, type, values);
    if (kinds !== null && kinds.size > 1)
      addArray(
        name,
        'int4',
        values.map((value) => kinds.get(value ?? null)),
      );
    selected.push(kinds === null ? name : `${kindIn(params, type, kinds, name)} AS ${name}`);
  }
  return {
    sql: `(SELECT ${selected.join(', ')} FROM unnest(${arrays.join(', ')}) AS u(${names.join(', ')}))`,
    params,
  };
}

/** Postgres counts the elements of an array from 1. */
function kindIn(params: Buffer[], type: ElementType, kinds: Kinds, name: string): string {
  const array = `($${params.push(pgArray(type, [...kinds.keys()]))}::${type}[])`;
  return `${array}[${kinds.size > 1 ? `u.${name}` : 1}]`;
}

type Kinds = ReadonlyMap<Value, number>;

/** Each kind of value with its place, from 1; null: there are more than `max`, or bytes, which are not compared. */
function kindsOf(values: readonly Value[], max: number): Kinds | null {
  const kinds = new Map<Value, number>();
  for (const value of values) {
    const known = value ?? null;
    if (typeof known === 'object' && known !== null) return null;
    if (kinds.has(known)) continue;
    if (kinds.size === max) return null;
    kinds.set(known, kinds.size + 1);
  }
  return kinds;
}

function isLong(type: ElementType): boolean {
  return type === 'text' || type === 'jsonb';
}
