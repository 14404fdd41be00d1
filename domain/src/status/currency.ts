/** Is what was assigned the newest? The hub's own question; what the cluster holds is another one (`sync`). */

export type Currency =
  | { type: 'Current' }
  /** Revisions between the assigned and the newest one. */
  | { type: 'Behind'; by: number }
  /** Behind, and something keeps it there. */
  | { type: 'Held'; reason: string };

export interface CurrencyInput {
  /** Assigned revision; null before the first assignment. */
  assigned: number | null;
  /** Newest revision that is ready and not Rejected; null before the first. */
  newest: number | null;
  /** What keeps the target where it is (pin, paused cluster, manual sync, paused rollout, guard …); '' when nothing does. */
  heldBy: string;
}

export function currencyOf(input: CurrencyInput): Currency {
  const { assigned, newest, heldBy } = input;
  if (newest === null || (assigned !== null && assigned === newest)) return { type: 'Current' };
  if (heldBy !== '') return { type: 'Held', reason: heldBy };
  return { type: 'Behind', by: Math.max(1, newest - (assigned ?? 0)) };
}

/** `Current`, `Behind(3)`, `Held(pinned)`: the form people read. */
export function currencyText(currency: Currency): string {
  switch (currency.type) {
    case 'Current':
      return 'Current';
    case 'Behind':
      return `Behind(${currency.by})`;
    case 'Held':
      return `Held(${currency.reason})`;
  }
}
