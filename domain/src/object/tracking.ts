/**
 * Who owns an object. Ownership is an annotation that names hub, application and the object itself; one that does not
 * describe the object it is on (a copy made by another controller) makes nothing ours. Other tools' marks are recognised,
 * so that what they own is not taken by accident.
 */
import type { Identity, KubeObject } from './types.ts';
import { identityKey, identityOf, sameIdentity } from './identity.ts';
import { annotationsOf, isMap, labelsOf, withMetadata } from './metadata.ts';

export const trackingAnnotation = 'flotilla.dev/tracking-id';
/** Display only. */
export const appNameAnnotation = 'flotilla.dev/app-name';
/** The application's uid: label values end at 63 characters, which a name may exceed. */
export const appLabel = 'flotilla.dev/app';

/** Hub id and application uid: whose objects these are. */
export interface Tracker {
  hub: string;
  application: string;
}

export interface Tracking extends Tracker {
  identity: Identity;
}

export type Owner =
  | { type: 'none' }
  | { type: 'ours' }
  /** Another Flotilla application, maybe of another hub. */
  | { type: 'flotilla'; hub: string; application: string }
  | { type: 'argocd'; name: string }
  | { type: 'flux'; name: string }
  | { type: 'helm'; name: string };

/** `<hub id>/<application uid>:<group>/<kind>:<namespace>/<name>` */
export function encodeTracking(tracking: Tracking): string {
  const { hub, application, identity } = tracking;
  return `${hub}/${application}:${identity.group}/${identity.kind}:${identity.namespace}/${identity.name}`;
}

/** Null for text of another form. Names may hold colons (RBAC), so only the first two split. */
export function parseTracking(value: string): Tracking | null {
  const match = /^([^/:]+)\/([^/:]+):([^/:]*)\/([^/:]+):([^/:]*)\/([^/]+)$/.exec(value);
  if (!match) return null;
  const [, hub = '', application = '', group = '', kind = '', namespace = '', name = ''] = match;
  return { hub, application, identity: { group, kind, namespace, name } };
}

/** The object as it is applied: marked as the tracker's. `applicationName` is display only. */
export function withTracking(object: KubeObject, tracker: Tracker, applicationName: string): KubeObject {
  const labelled = withMetadata(object, 'labels', { [appLabel]: tracker.application });
  return withMetadata(labelled, 'annotations', {
    [trackingAnnotation]: encodeTracking({ ...tracker, identity: identityOf(object) }),
    [appNameAnnotation]: applicationName,
  });
}

export function withoutTracking(object: KubeObject): KubeObject {
  const bare = withMetadata(object, 'labels', { [appLabel]: null });
  return withMetadata(bare, 'annotations', { [trackingAnnotation]: null, [appNameAnnotation]: null });
}

/** The tracking that describes the object it is on, else null. */
export function trackingOf(object: KubeObject): Tracking | null {
  const value = annotationsOf(object)[trackingAnnotation];
  const tracking = value === undefined ? null : parseTracking(value);
  return tracking && sameIdentity(tracking.identity, identityOf(object)) ? tracking : null;
}

/** Our own mark is looked at first: what was adopted from another tool may still carry that tool's. */
export function ownerOf(object: KubeObject, self: Tracker): Owner {
  const tracking = trackingOf(object);
  if (tracking) {
    const ours = tracking.hub === self.hub && tracking.application === self.application;
    return ours
      ? { type: 'ours' }
      : { type: 'flotilla', hub: tracking.hub, application: tracking.application };
  }
  return argoOwner(object) ?? fluxOwner(object) ?? helmOwner(object) ?? { type: 'none' };
}

function argoOwner(object: KubeObject): Owner | null {
  const id = annotationsOf(object)['argocd.argoproj.io/tracking-id'];
  const application = id === undefined ? null : argoApplication(id, identityOf(object));
  if (application) return { type: 'argocd', name: application };
  const labels = labelsOf(object);
  const dedicated = labels['argocd.argoproj.io/instance'];
  if (dedicated) return { type: 'argocd', name: dedicated };
  // The common label is also set by most charts: it speaks for Argo CD only where Argo CD is known to have written.
  const instance = labels['app.kubernetes.io/instance'];
  return instance && writtenBy(object, /^argocd-/) ? { type: 'argocd', name: instance } : null;
}

/** `<application>:<group>/<kind>:<namespace>/<name>`, read only when it describes this object. */
function argoApplication(id: string, identity: Identity): string | null {
  const suffix = `:${identity.group}/${identity.kind}:${identity.namespace}/${identity.name}`;
  return id.endsWith(suffix) && id.length > suffix.length ? id.slice(0, -suffix.length) : null;
}

function fluxOwner(object: KubeObject): Owner | null {
  const labels = labelsOf(object);
  for (const prefix of ['kustomize.toolkit.fluxcd.io', 'helm.toolkit.fluxcd.io']) {
    const name = labels[`${prefix}/name`];
    if (name) return { type: 'flux', name: `${labels[`${prefix}/namespace`] ?? ''}/${name}` };
  }
  return null;
}

/** The label `managed-by: Helm` alone says nothing: charts set it, whoever renders them. */
function helmOwner(object: KubeObject): Owner | null {
  const annotations = annotationsOf(object);
  const release = annotations['meta.helm.sh/release-name'];
  if (!release) return null;
  return { type: 'helm', name: `${annotations['meta.helm.sh/release-namespace'] ?? ''}/${release}` };
}

function writtenBy(object: KubeObject, manager: RegExp): boolean {
  const entries = object.metadata['managedFields'];
  if (!Array.isArray(entries)) return false;
  return entries.some(
    (entry) => isMap(entry) && typeof entry['manager'] === 'string' && manager.test(entry['manager']),
  );
}

/** How a conflict names the owner: `argocd guestbook`, `flotilla application <uid>`. */
export function describeOwner(owner: Owner, object: KubeObject): string {
  if (owner.type === 'none' || owner.type === 'ours') return identityKey(identityOf(object));
  if (owner.type === 'flotilla') return `flotilla application ${owner.application}`;
  return `${owner.type} ${owner.name}`;
}
