/**
 * The files of one path of one commit, as they are stored: RFC 8785 JSON lines sorted by path, cut into frames whose
 * borders depend on the path alone, so that one changed file costs one frame. The digest is over the lines.
 */
import { createHash, hash } from 'node:crypto';

import { canonicalText } from '@flotilla/domain/bundle/canonical';

export interface TreeFile {
  /** Relative to the tree's own path. */
  path: string;
  bytes: Buffer;
}

/** A name that is there and is not followed; what selects it for rendering must say so instead of missing it. */
export interface TreeLink {
  path: string;
  link: 'symlink' | 'submodule';
}

export interface Tree {
  files: TreeFile[];
  links: TreeLink[];
}

export interface TreeFrame {
  digest: string;
  bytes: Buffer;
}

export interface EncodedTree {
  digest: string;
  frames: TreeFrame[];
  sizeBytes: number;
}

const frameBytesMax = 64 * 1024;

export function encodeTree(tree: Tree): EncodedTree {
  const lines = [
    ...tree.files.map(({ path, bytes }) => ({
      path,
      // Its keys are sorted, and base64 needs no escaping: canonical without a walk over the content.
      text: `{"content":"${bytes.toString('base64')}","path":${canonicalText(path)}}`,
    })),
    ...tree.links.map(({ path, link }) => ({ path, text: canonicalText({ path, link }) })),
  ].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const whole = createHash('sha256');
  const frames: TreeFrame[] = [];
  let open: Buffer[] = [];
  let openBytes = 0;
  let sizeBytes = 0;
  const close = (): void => {
    if (open.length > 0) frames.push(frameOf(open));
    open = [];
    openBytes = 0;
  };
  for (const { path, text } of lines) {
    const line = Buffer.from(`${text}\n`);
    if (startsFrame(path) || openBytes + line.byteLength > frameBytesMax) close();
    open.push(line);
    openBytes += line.byteLength;
    sizeBytes += line.byteLength;
    whole.update(line);
  }
  close();
  return { digest: whole.digest('hex'), frames, sizeBytes };
}

/** Reads back what `encodeTree` wrote. @throws SyntaxError on bytes that are no such lines */
export function decodeTree(frames: readonly Uint8Array[]): Tree {
  const tree: Tree = { files: [], links: [] };
  for (const frame of frames) {
    for (const line of Buffer.from(frame).toString('utf8').split('\n')) {
      if (line === '') continue;
      const entry = JSON.parse(line) as { path: string; content?: string; link?: TreeLink['link'] };
      if (entry.link !== undefined) tree.links.push({ path: entry.path, link: entry.link });
      else tree.files.push({ path: entry.path, bytes: Buffer.from(entry.content ?? '', 'base64') });
    }
  }
  return tree;
}

/** Four zero bits of the path's hash: a frame holds 16 files on average, and a change moves no other border. */
function startsFrame(path: string): boolean {
  return hash('sha256', path, 'hex').startsWith('0');
}

function frameOf(lines: Buffer[]): TreeFrame {
  const bytes = Buffer.concat(lines);
  return { digest: hash('sha256', bytes, 'hex'), bytes };
}
