/**
 * Reads the manifests below one path of one commit, straight from the object store: nothing is checked out, links are
 * named and never followed, and every name and size is checked before its blob is read.
 */
import type { Tree, TreeFile } from '../trees.ts';
import { checkSegment } from './treePath.ts';

export interface TreeLimits {
  filesMax: number;
  entriesMax: number;
  depthMax: number;
  fileBytesMax: number;
  treeBytesMax: number;
}

export const treeDefaults: TreeLimits = {
  filesMax: 20_000,
  entriesMax: 200_000,
  depthMax: 64,
  fileBytesMax: 8 << 20,
  treeBytesMax: 64 << 20,
};

export interface GitEntry {
  mode: string;
  path: string;
  oid: string;
  type: 'blob' | 'tree' | 'commit';
}

/** The object store of one repository. */
export interface GitObjects {
  tree: (oid: string) => Promise<GitEntry[]>;
  blob: (oid: string) => Promise<Uint8Array>;
}

/** The path cannot be read as it is in this commit; reading it again gives the same. */
export class TreeRefused extends Error {
  override readonly name = 'TreeRefused';
}

/** What a directory source reads; other files do not even cost a blob. */
export function isManifestName(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name);
}

export async function readTree(
  objects: GitObjects,
  rootOid: string,
  path: string,
  limits: TreeLimits,
): Promise<Tree> {
  const start = await descend(objects, rootOid, path);
  const found: Found = { files: [], links: [], entries: 0 };
  if (start.type === 'blob') found.files.push({ path: start.path, oid: start.oid });
  else await walk(objects, start.oid, '', 0, found, limits);
  const tree: Tree = { files: [], links: found.links };
  let total = 0;
  for (const { path: filePath, oid } of found.files) {
    const file = await readFile(objects, filePath, oid, limits);
    total += file.bytes.byteLength;
    if (total > limits.treeBytesMax)
      throw new TreeRefused(`the files below '${path}' have more than ${limits.treeBytesMax} bytes`);
    tree.files.push(file);
  }
  return tree;
}

interface Found {
  files: { path: string; oid: string }[];
  links: Tree['links'];
  entries: number;
}

async function descend(
  objects: GitObjects,
  rootOid: string,
  path: string,
): Promise<{ type: 'tree' | 'blob'; oid: string; path: string }> {
  let oid = rootOid;
  const segments = path === '.' ? [] : path.split('/');
  for (const [index, segment] of segments.entries()) {
    const entry = (await objects.tree(oid)).find((candidate) => candidate.path === segment);
    if (entry === undefined) throw new TreeRefused(`the path '${path}' does not exist in this commit`);
    const link = linkOf(entry);
    if (link !== null)
      throw new TreeRefused(`the path '${path}' leads through a ${link}, which is not followed`);
    if (entry.type === 'blob') {
      if (index < segments.length - 1 || !isManifestName(segment)) {
        throw new TreeRefused(`the path '${path}' is neither a directory nor a YAML or JSON file`);
      }
      return { type: 'blob', oid: entry.oid, path: segment };
    }
    oid = entry.oid;
  }
  return { type: 'tree', oid, path };
}

async function walk(
  objects: GitObjects,
  oid: string,
  prefix: string,
  depth: number,
  found: Found,
  limits: TreeLimits,
): Promise<void> {
  if (depth > limits.depthMax) throw new TreeRefused(`directories nested deeper than ${limits.depthMax}`);
  for (const entry of await objects.tree(oid)) {
    if (++found.entries > limits.entriesMax) throw new TreeRefused(`more than ${limits.entriesMax} entries`);
    const verdict = checkSegment(entry.path);
    if (!verdict.ok) throw new TreeRefused(`${verdict.reason} below '${prefix === '' ? '.' : prefix}'`);
    const path = `${prefix}${entry.path}`;
    const link = linkOf(entry);
    if (link !== null) found.links.push({ path, link });
    else if (entry.type === 'tree') await walk(objects, entry.oid, `${path}/`, depth + 1, found, limits);
    else if (isManifestName(entry.path)) found.files.push({ path, oid: entry.oid });
    if (found.files.length > limits.filesMax)
      throw new TreeRefused(`more than ${limits.filesMax} manifest files`);
  }
}

/** By mode, not by what the blob says. */
function linkOf(entry: GitEntry): 'symlink' | 'submodule' | null {
  if (entry.mode === '120000') return 'symlink';
  return entry.type === 'commit' || entry.mode === '160000' ? 'submodule' : null;
}

async function readFile(
  objects: GitObjects,
  path: string,
  oid: string,
  limits: TreeLimits,
): Promise<TreeFile> {
  const blob = await objects.blob(oid);
  if (blob.byteLength > limits.fileBytesMax) {
    throw new TreeRefused(`the file '${path}' has more than ${limits.fileBytesMax} bytes`);
  }
  return { path, bytes: Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength) };
}
