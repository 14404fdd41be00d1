/** After a restart the records come from disk: every kind among them is watched again before anything is concluded. */
import { groupOf } from '@flotilla/domain/object/identity';
import type { Resource } from '../kube/resource.ts';
import type { Run } from './context.ts';

export async function watchInForce(run: Run): Promise<void> {
  const { watches, discovery } = run.cluster;
  const resources: Resource[] = [];
  for (const [apiVersion, kind] of kindsOf(run)) {
    if (watches.isReady(apiVersion, kind)) continue;
    const resource = await discovery.find(apiVersion, kind);
    if (resource) resources.push(resource);
    else noteUnserved(run, apiVersion, kind);
  }
  await watches.ensure(resources);
}

function kindsOf(run: Run): [apiVersion: string, kind: string][] {
  const kinds = new Map<string, [string, string]>();
  let [lastVersion, lastPrefix] = ['', ''];
  for (const record of run.target.records.values()) {
    const version = record.written?.version ?? '';
    // Records of one kind follow each other: most are of the one that was noted just now.
    if (version === lastVersion && lastPrefix !== '' && record.key.startsWith(lastPrefix)) continue;
    const [group = '', kind = ''] = record.key.split('/');
    // What is neither wanted nor a hook (the namespace that was made along the way) is nobody's to watch.
    const wanted = record.desired !== null || record.hook;
    if (!wanted || version === '') continue;
    kinds.set(`${version} ${kind}`, [version, kind]);
    [lastVersion, lastPrefix] = [version, `${group}/${kind}/`];
  }
  return [...kinds.values()];
}

/** A kind that the server no longer has has no objects, unless its group just cannot be read. */
function noteUnserved(run: Run, apiVersion: string, kind: string): void {
  const group = groupOf(apiVersion);
  if (run.cluster.discovery.failed(group)) return;
  for (const record of run.target.records.values()) {
    if (record.key.startsWith(`${group}/${kind}/`)) record.live = 'missing';
  }
}
