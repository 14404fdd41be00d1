/** The clusters: a row for each of a few, a cell for each of many. Either way first how many do how. */
import { widthOf } from '@flotilla/client/cells';
import type { ClusterMood } from './mood.ts';
import { inMood, moods, moodWords, signOf, type Colors } from './paint.ts';
import { column, fit } from './text.ts';

export interface ClustersRoom {
  columns: number;
  rows: number;
  colors: Colors;
  /** The hub is away: what is shown is what was last known. */
  isStale: boolean;
}

const tableRowsMax = 12;
const nameCellsMax = 24;
const groupCellsMax = 14;
const notesMax = 3;
const wordCells = 13;
const revisionCells = 19;

export function renderClusters(clusters: readonly ClusterMood[], room: ClustersRoom): string[] {
  if (clusters.length === 0) return [];
  const title = ` ${legend(clusters, room)}`;
  const isTable = clusters.length <= Math.min(tableRowsMax, room.rows - 2);
  return ['', title, ...(isTable ? tableOf(clusters, room) : gridOf(clusters, room))];
}

function legend(clusters: readonly ClusterMood[], { columns, colors, isStale }: ClustersRoom): string {
  let line = '';
  let width = 1;
  for (const mood of moods.toReversed()) {
    const count = clusters.filter((cluster) => cluster.mood === mood).length;
    const text = `${count} ${moodWords[mood]}`;
    const cells = widthOf(text) + (line === '' ? 2 : 4);
    if (count === 0 || width + cells > columns) continue;
    line += `${line === '' ? '' : '  '}${signOf(colors, mood, isStale)} ${text}`;
    width += cells;
  }
  return isStale ? `${line}${colors.dim(fit('  (as last known)', columns - width))}` : line;
}

function tableOf(clusters: readonly ClusterMood[], { columns, colors, isStale }: ClustersRoom): string[] {
  const nameCells = Math.min(Math.max(...clusters.map(({ name }) => widthOf(name))), nameCellsMax);
  return clusters.map((cluster) => {
    const { name, mood, note } = cluster;
    const paint = isStale ? colors.dim : inMood(colors, mood);
    const word = paint(column(moodWords[mood], wordCells));
    const left = ` ${signOf(colors, mood, isStale)} ${column(name, nameCells)}  ${word}`;
    const revision = revisionText(cluster);
    if (note === '') return `${left} ${revision}`;
    const rest = fit(note, columns - nameCells - wordCells - revisionCells - 7);
    return `${left} ${column(revision, revisionCells)} ${colors.dim(rest)}`;
  });
}

function revisionText({ revision, newest }: ClusterMood): string {
  if (revision === null) return '';
  return newest === null || revision === newest
    ? `revision ${revision}`
    : `revision ${revision} of ${newest}`;
}

/** With gaps between the cells where that fits. */
function gridOf(clusters: readonly ClusterMood[], room: ClustersRoom): string[] {
  const notes = notesOf(clusters, room);
  const rows = Math.max(room.rows - 2, 1);
  const airy = cellRows(clusters, room, ' ');
  const lines = airy.length + notes.length <= rows ? airy : cellRows(clusters, room, '');
  if (lines.length <= rows) return [...lines, ...notes.slice(0, rows - lines.length)];
  const hidden = lines.length - rows + 1;
  return [...lines.slice(0, rows - 1), room.colors.dim(`   … ${hidden} more rows`)];
}

function cellRows(
  clusters: readonly ClusterMood[],
  { columns, colors, isStale }: ClustersRoom,
  gap: string,
): string[] {
  const groups = [...Map.groupBy(clusters, ({ group }) => group)];
  const labelCells = Math.min(Math.max(...groups.map(([group]) => widthOf(group))), groupCellsMax);
  const perRow = Math.max(Math.floor((columns - labelCells - 4) / (1 + gap.length)), 1);
  return groups.flatMap(([group, members]) => {
    const cells = members.map(({ mood }) => signOf(colors, mood, isStale));
    return rowsOf(cells, perRow).map(
      (row, at) => ` ${column(at === 0 ? group : '', labelCells)}  ${row.join(gap)}`,
    );
  });
}

function rowsOf<T>(items: readonly T[], perRow: number): T[][] {
  const rows: T[][] = [];
  for (let at = 0; at < items.length; at += perRow) rows.push(items.slice(at, at + perRow));
  return rows;
}

/** In a grid no cell says who it is: those that a person must look at are named. */
function notesOf(clusters: readonly ClusterMood[], { columns, colors, isStale }: ClustersRoom): string[] {
  const troubled = clusters.filter(({ mood }) => mood === 'degraded' || mood === 'apart');
  const shown = troubled.slice(0, notesMax).map(({ name, mood, note }) => {
    const text = fit(`${name}: ${note === '' ? moodWords[mood] : note}`, columns - 4);
    return ` ${signOf(colors, mood, isStale)} ${text}`;
  });
  const hidden = troubled.length - shown.length;
  return hidden > 0 ? [...shown, colors.dim(`   and ${hidden} more`)] : shown;
}
