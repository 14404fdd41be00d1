/** A flame graph (SVG, no script) from a `.cpuprofile` of V8: width is time, depth is the stack, callers below. */
import { readFile, writeFile } from 'node:fs/promises';

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}

export interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
  /** Microseconds since the sample before. */
  timeDeltas: number[];
}

interface Frame {
  name: string;
  micros: number;
  children: Map<string, Frame>;
}

const width = 1600;
const rowHeight = 17;
const widthMin = 0.5;
const charWidth = 6.6;

/** The name of the SVG file beside it. */
export async function writeFlameGraph(profileFile: string, title: string): Promise<string> {
  const profile = JSON.parse(await readFile(profileFile, 'utf8')) as CpuProfile;
  const file = profileFile.replace(/\.cpuprofile$/, '.svg');
  await writeFile(file, flameGraph(profile, title));
  return file;
}

export function flameGraph(profile: CpuProfile, title: string): string {
  const root = mergeStacks(profile);
  const rows: string[] = [];
  const depth = draw(root, 0, 0, width / Math.max(root.micros, 1), rows);
  const height = (depth + 2) * rowHeight;
  const heading = `${escapeText(title)}: ${(root.micros / 1000).toFixed(0)} ms of processor time`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">
<text x="4" y="13">${heading}</text>
<g transform="translate(0 ${rowHeight})">
${rows.join('\n')}
</g>
</svg>
`;
}

/** Calls of one function from one place are one frame; waiting is left out. */
function mergeStacks(profile: CpuProfile): Frame {
  const self = new Map<number, number>();
  profile.samples.forEach((id, index) => {
    self.set(id, (self.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const root: Frame = { name: 'all', micros: 0, children: new Map() };
  const first = profile.nodes[0];
  if (first !== undefined) for (const id of first.children ?? []) merge(nodes, self, id, root);
  root.micros = sumOf(root.children);
  return root;
}

function merge(
  nodes: ReadonlyMap<number, ProfileNode>,
  self: ReadonlyMap<number, number>,
  id: number,
  parent: Frame,
): void {
  const node = nodes.get(id);
  if (node === undefined || node.callFrame.functionName === '(idle)') return;
  const name = nameOf(node);
  const frame = parent.children.get(name) ?? { name, micros: 0, children: new Map<string, Frame>() };
  parent.children.set(name, frame);
  const before = sumOf(frame.children);
  for (const child of node.children ?? []) merge(nodes, self, child, frame);
  frame.micros += (self.get(id) ?? 0) + sumOf(frame.children) - before;
}

function sumOf(frames: ReadonlyMap<string, Frame>): number {
  let micros = 0;
  for (const frame of frames.values()) micros += frame.micros;
  return micros;
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const file = url.replace(/^.*\/(node_modules|dist|src)\//, '').replace(/^file:\/\//, '');
  const place = file === '' ? '' : ` ${file}:${lineNumber + 1}`;
  return `${functionName === '' ? '(anonymous)' : functionName}${place}`;
}

/** The greatest depth that was drawn. */
function draw(frame: Frame, x: number, depth: number, scale: number, rows: string[]): number {
  const wide = frame.micros * scale;
  if (wide < widthMin) return depth;
  const y = depth * rowHeight;
  const text = escapeText(frame.name.slice(0, Math.max(0, Math.floor((wide - 6) / charWidth))));
  const ms = (frame.micros / 1000).toFixed(1);
  rows.push(
    `<g><title>${escapeText(frame.name)} (${ms} ms)</title>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${rowHeight - 1}" fill="${colourOf(frame.name)}"/>` +
      `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${text}</text></g>`,
  );
  let deepest = depth;
  let at = x;
  for (const child of [...frame.children.values()].toSorted((a, b) => b.micros - a.micros)) {
    deepest = Math.max(deepest, draw(child, at, depth + 1, scale, rows));
    at += child.micros * scale;
  }
  return deepest;
}

/** The same function always has the same warm colour. */
function colourOf(name: string): string {
  let hash = 0;
  for (let index = 0; index < name.length; index++) hash = (hash * 31 + name.charCodeAt(index)) >>> 0;
  return `hsl(${10 + (hash % 45)} ${60 + ((hash >> 8) % 30)}% 65%)`;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
