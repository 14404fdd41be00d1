/** What an amount of a strategy means for so many targets. */
import type { Amount } from './strategy.ts';

/** Rounded up, at least 1: a rollout that may move nothing would never end. */
export function concurrencyOf(amount: Amount, total: number): number {
  return Math.max(1, typeof amount === 'number' ? amount : Math.ceil((percentOf(amount) * total) / 100));
}

/** Rounded down; more than the total means the total. */
export function failuresOf(amount: Amount, total: number): number {
  return Math.min(total, typeof amount === 'number' ? amount : Math.floor((percentOf(amount) * total) / 100));
}

function percentOf(amount: `${number}%`): number {
  return Number(amount.slice(0, -1));
}
