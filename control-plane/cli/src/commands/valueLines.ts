/** One field of a change: both sides on a line, or as lines with + and - where a value has several. */
import type { PlannedObject } from '@flotilla/client/types';
import type { Colors } from '../colors.ts';

type Field = NonNullable<PlannedObject['fields']>[number];

const indent = '          ';
const sideMax = 120;
const linesMax = 30;

export function valueLines(colors: Colors, { path, before, after }: Field): string[] {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  if (old.length > 1 || fresh.length > 1) return [`${indent}${path}`, ...lineDiff(colors, old, fresh)];
  const removed = before === null ? '' : colors.red(cut(before));
  const added = after === null ? '' : colors.green(cut(after));
  if (before === null) return [`${indent}${path}  ${colors.green('+')} ${added}`];
  if (after === null) return [`${indent}${path}  ${colors.red('-')} ${removed}`];
  return [`${indent}${path}  ${removed} → ${added}`];
}

/** A text's own lines; any other JSON, and text that was cut, stays as it is. */
function linesOf(json: string | null): string[] {
  if (json === null) return [];
  if (!json.startsWith('"')) return [json];
  try {
    return (JSON.parse(json) as string).split('\n');
  } catch {
    return json.split('\\n');
  }
}

/** Without what both have at their ends: what is left is what changed. */
function lineDiff(colors: Colors, before: readonly string[], after: readonly string[]): string[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const lines = [
    ...before.slice(start, before.length - end).map((line) => colors.red(`- ${cut(line)}`)),
    ...after.slice(start, after.length - end).map((line) => colors.green(`+ ${cut(line)}`)),
  ];
  const more = lines.length - linesMax;
  const shown = more > 0 ? [...lines.slice(0, linesMax), colors.dim(`and ${more} more lines`)] : lines;
  return shown.map((line) => `${indent}  ${line}`);
}

function cut(text: string): string {
  return text.length > sideMax ? `${text.slice(0, sideMax)}…` : text;
}
