/**
 * A cluster on disk, so that a second start continues. A snapshot is replaced as a whole by a rename; one that cannot be
 * read is set aside under another name, never overwritten.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '../types.ts';
import { isCrd } from './catalogue.ts';
import type { ClusterStore } from './clusterStore.ts';

const formatVersion = 1;
/**
 * After a crash clients may know versions that the snapshot does not. Beginning far above them makes their watches expire,
 * where else they would go on from a version that comes a second time, with other content.
 */
const versionsLeftOut = 1_000_000;

interface Snapshot {
  format: 'simkube';
  version: number;
  resourceVersion: number;
  objects: KubeObject[];
}

export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly file: string;

  constructor(file: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.file = file;
  }
}

export async function writeSnapshot(dir: string, store: ClusterStore): Promise<void> {
  const snapshot: Snapshot = {
    format: 'simkube',
    version: formatVersion,
    resourceVersion: store.resourceVersion,
    objects: store.state.everything(),
  };
  const file = join(dir, 'snapshot.json');
  await writeFile(`${file}.new`, JSON.stringify(snapshot), { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

export type SnapshotOutcome = 'none' | 'continued' | { setAside: string; why: string };

export async function readSnapshot(dir: string, store: ClusterStore): Promise<SnapshotOutcome> {
  const file = join(dir, 'snapshot.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw new SnapshotError(file, `cannot read the snapshot ${file}`, error);
  }
  const parsed = parseSnapshot(text);
  if (typeof parsed === 'string') {
    const setAside = `${file}.broken-${store.clock.now()}`;
    await rename(file, setAside);
    // Above every version that clients of the old cluster may know.
    store.state.skipTo(store.clock.now());
    return { setAside, why: parsed };
  }
  restore(store, parsed);
  return 'continued';
}

/** The snapshot, or why it is none. */
function parseSnapshot(text: string): Snapshot | string {
  let snapshot: Partial<Snapshot> | null;
  try {
    snapshot = JSON.parse(text) as Partial<Snapshot> | null;
  } catch {
    return 'it is not whole';
  }
  if (snapshot?.format !== 'simkube') return 'it is not a snapshot of simkube';
  if (snapshot.version !== formatVersion) return `its version is ${snapshot.version}, not ${formatVersion}`;
  const whole = typeof snapshot.resourceVersion === 'number' && Array.isArray(snapshot.objects);
  return whole ? (snapshot as Snapshot) : 'it lacks its objects';
}

function restore(store: ClusterStore, { objects, resourceVersion }: Snapshot): void {
  store.state.skipTo(resourceVersion + versionsLeftOut);
  const waiting: KubeObject[] = [];
  for (const object of objects) {
    const resource = store.resourceOfKind(object.apiVersion, object.kind);
    if (resource === undefined) waiting.push(object);
    else store.state.restore(resource, object);
    if (resource && isCrd(resource)) store.catalogue.serve(object);
  }
  for (const object of waiting) {
    const resource = store.resourceOfKind(object.apiVersion, object.kind);
    if (resource) store.state.restore(resource, object);
  }
}
