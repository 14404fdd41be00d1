/** Counted statuses in one cell: `12 Healthy, 1 Degraded`. */
import type { Colors } from '../colors.ts';
import { statusColor } from '../table.ts';

const worstFirst = [
  'Degraded',
  'Missing',
  'OutOfSync',
  'Unknown',
  'Progressing',
  'Suspended',
  'Healthy',
  'Synced',
];

export function countsText(colors: Colors, counts: Record<string, number>): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([a], [b]) => worstFirst.indexOf(a) - worstFirst.indexOf(b))
    .map(([word, count]) => `${count} ${statusColor(colors, word)}`);
  return parts.length === 0 ? '-' : parts.join(', ');
}
