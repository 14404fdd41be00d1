/**
 * Head and body of a target's entry. A body is what all clusters of an application share; its bytes are made once. What
 * may destroy (prune, force, replace, allowEmpty) comes into force with the next assignment when it is turned on, and at
 * once when it is turned off.
 */
import { encodeBody, encodeHead, encodeHeads } from '@flotilla/domain/desired/encode';
import type { Body, Head, HeadOperation } from '@flotilla/domain/desired/entry';

import { sha256Hex } from '../platform/digest.ts';
import type { ApplicationRow } from './fleet.store.ts';

export interface EncodedBody {
  digest: string;
  bytes: Uint8Array;
}

export function bodyOf({ id, name, project, projectSpec, spec }: ApplicationRow): Body {
  const { syncPolicy, destination, ignoreDifferences, healthRules, dependsOn } = spec;
  const { managedNamespaceMetadata, ...options } = syncPolicy.syncOptions;
  return {
    application: { id, name, project },
    destinationNamespace: destination.namespace,
    sync: {
      ...options,
      selfHeal: syncPolicy.selfHeal,
      ...(managedNamespaceMetadata !== undefined && {
        managedNamespaceMetadata: defined(managedNamespaceMetadata),
      }),
    },
    prune: { enabled: syncPolicy.prune, allowEmpty: syncPolicy.allowEmpty },
    retry: syncPolicy.retry,
    timeouts: { syncWaveMs: syncPolicy.syncWaveTimeoutMs },
    ignore: ignoreDifferences.map(defined),
    health: healthRules.map(defined),
    dependsOn,
    allowed: projectSpec.allowed,
    ...(syncPolicy.serviceAccount !== undefined && { serviceAccount: syncPolicy.serviceAccount }),
  };
}

/** The wanted body as far as it may come into force without an assignment. */
export function bodyWithoutAssignment(present: Body, wanted: Body): Body {
  return {
    ...wanted,
    sync: {
      ...wanted.sync,
      force: wanted.sync.force && present.sync.force,
      replace: wanted.sync.replace && present.sync.replace,
    },
    prune: {
      enabled: wanted.prune.enabled && present.prune.enabled,
      allowEmpty: wanted.prune.allowEmpty && present.prune.allowEmpty,
    },
  };
}

export function encodedBody(body: Body): EncodedBody {
  const bytes = encodeBody(body);
  return { digest: sha256Hex(bytes), bytes };
}

export function encodedHead(head: Head): { head: Uint8Array; headDigest: string } {
  const bytes = encodeHead(head);
  return { head: bytes, headDigest: sha256Hex(bytes) };
}

export function encodedHeads(heads: readonly Head[]): { head: Uint8Array; headDigest: string }[] {
  return encodeHeads(heads).map((head) => ({ head, headDigest: sha256Hex(head) }));
}

/** Only what is set: an empty operation is the ordinary one. */
export function operationOf(options: { force: boolean; initiatedBy: string } | undefined): HeadOperation {
  if (options === undefined) return {};
  return { ...(options.force && { force: true }), initiatedBy: options.initiatedBy };
}

/** Zod gives optional fields as possibly undefined; here they are there or not. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
