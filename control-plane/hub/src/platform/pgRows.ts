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

/** More kinds than this are looked up more slowly than they are read. */
const kindsMax = 8;

export class PgRows<Row> {
  readonly params: Buffer[] = [];
  readonly #rows: readonly Row[];
  readonly #arrays: string[] = [];
  readonly #names: string[] = [];
  readonly #selected: string[] = [];

  /** `key` differs from row to row. */
  constructor(rows: readonly Row[], key: NamedColumn<Row>) {
    this.#rows = rows;
    this.#addArray(key.name, key.type, rows.map(key.of));
    this.#selected.push(key.name);
  }

  /** A subquery for FROM: its columns have their names and come in their order, the key first. Parameters count from $1. */
  get sql(): string {
    const columns = `unnest(${this.#arrays.join(', ')}) AS u(${this.#names.join(', ')})`;
    return `(SELECT ${this.#selected.join(', ')} FROM ${columns})`;
  }

  add(columns: readonly NamedColumn<Row>[]): this {
    for (const column of columns) this.#addColumn(column);
    return this;
  }

  #addColumn({ name, type, of }: NamedColumn<Row>): void {
    const values = this.#rows.map(of);
    const kinds = kindsOf(values, isLong(type) ? kindsMax : 1);
    if (kinds === null) {
      this.#addArray(name, type, values);
      this.#selected.push(name);
      return;
    }
    const places = values.map((value) => kinds.get(value ?? null));
    if (kinds.size > 1) this.#addArray(name, 'int4', places);
    const array = `($${this.params.push(pgArray(type, [...kinds.keys()]))}::${type}[])`;
    this.#selected.push(`${array}[${kinds.size > 1 ? `u.${name}` : 1}] AS ${name}`);
  }

  #addArray(name: string, type: ElementType, values: readonly Value[]): void {
    this.#arrays.push(`$${this.params.push(pgArray(type, values))}::${type}[]`);
    this.#names.push(name);
  }
}

type Kinds = ReadonlyMap<Value, number>;

/** Each kind of value with its place, from 1, as Postgres counts; null: there are more than `max`, or bytes, which are not compared. */
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
