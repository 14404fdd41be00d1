/** What a template may read of a cluster, under which name, and what an evaluation read: label, fact or name → its value there. */

export interface ClusterValues {
  name: string;
  /** The hub's own. */
  labels: Readonly<Record<string, string>>;
  /** As the agent says. */
  facts: Readonly<Record<string, string>>;
}

export type Reference = { of: 'name' } | { of: 'labels' | 'facts'; key: string };

/** By name of what was read; null where the cluster does not have it. */
export type Reads = Readonly<Record<string, string | null>>;

/** `cluster.labels.` and the key as it is, whatever characters it has. */
export function readName(reference: Reference): string {
  return reference.of === 'name' ? 'cluster.name' : `cluster.${reference.of}.${reference.key}`;
}

export function valueAt(cluster: ClusterValues, reference: Reference): string | null {
  return reference.of === 'name' ? cluster.name : own(cluster[reference.of], reference.key);
}

/** The inverse of `readName`, asked of a cluster; null too for a name that means nothing. */
export function valueOfRead(cluster: ClusterValues, name: string): string | null {
  if (name === 'cluster.name') return cluster.name;
  const [, of = '', key = ''] = /^cluster\.(labels|facts)\.(.*)$/s.exec(name) ?? [];
  return of === 'labels' || of === 'facts' ? own(cluster[of], key) : null;
}

function own(values: Readonly<Record<string, string>>, key: string): string | null {
  return Object.hasOwn(values, key) ? (values[key] ?? null) : null;
}

/** As it is written in a template. */
export function referenceText(reference: Reference): string {
  if (reference.of === 'name') return 'cluster.name';
  const { of, key } = reference;
  return /^[A-Za-z0-9_-]+$/.test(key) ? `cluster.${of}.${key}` : `cluster.${of}[${JSON.stringify(key)}]`;
}
