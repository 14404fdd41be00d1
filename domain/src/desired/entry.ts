/**
 * One entry of a cluster's desired state: a head that is the cluster's own and a body that all clusters of an
 * application share. Both travel as the bytes of RFC 8785 JSON; a reader never re-encodes them, so that a field
 * it does not know changes no digest. Source: the protocol's "Desired state".
 */
import type { Digest } from '../digest/sha256.ts';

/** What is to become of the target. What goes away stays in the set as `Removing` until the agent says `Removed`. */
export type HeadState = 'Active' | 'Suspended' | 'Removing';

/** `delete`: by the inventory. `orphan`: objects stay, tracking and inventory go. `detach`: all stay, to be taken back. */
export type RemovalMode = 'delete' | 'orphan' | 'detach';

/** Options of one operation (`sync now`), echoed nowhere but here. */
export interface HeadOperation {
  /** Skip PreDelete and PostDelete hooks of a removal that cannot get its bundle. */
  skipHooks?: boolean;
  /** Apply every object, also those the skip ladder would pass over. */
  force?: boolean;
  /** Who asked, for the record in the cluster. */
  initiatedBy?: string;
}

export interface Head {
  /** Target uid (UUID). */
  target: string;
  state: HeadState;
  /** Only with state `Removing`. */
  removal?: RemovalMode;
  /** Rises with every assignment, retry, `sync now` and rollback of this target; observations echo it. */
  assignment: number;
  /** Revision number within the application. */
  revision: number;
  bundle: { digest: Digest; sizeBytes: number };
  /** The most objects a prune pass of this assignment may delete. */
  deletesMax: number;
  operation: HeadOperation;
  /** SHA-256 of the body's bytes. */
  body: Digest;
}

export interface SyncOptions {
  createNamespace: boolean;
  /** Labels and annotations of a namespace that `createNamespace` makes. */
  managedNamespaceMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  pruneLast: boolean;
  prunePropagation: 'foreground' | 'background' | 'orphan';
  replace: boolean;
  force: boolean;
  /** `server`: dry-run the whole set before the first write. */
  validate: 'server' | 'none';
  skipDryRunOnMissingResource: boolean;
  /** Take objects owned by another application or tool. */
  adopt: boolean;
  selfHeal: boolean;
}

export interface RetryPolicy {
  limit: number;
  backoffMs: number;
  backoffFactor: number;
  backoffMaxMs: number;
}

/** What to leave alone: by JSON pointer, jq-style path or field manager, on the kinds and names that match. */
export interface IgnoreRule {
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  jsonPointers?: string[];
  jqPathExpressions?: string[];
  managedFieldsManagers?: string[];
}

/** A user's CEL rule for a kind. */
export interface HealthRule {
  group: string;
  kind: string;
  current?: string;
  inProgress?: string;
  failed?: string;
}

export interface Body {
  application: { id: string; name: string; project: string };
  /** Default namespace for namespaced objects that set none. */
  destinationNamespace: string;
  sync: SyncOptions;
  prune: { enabled: boolean; allowEmpty: boolean };
  retry: RetryPolicy;
  timeouts: { syncWaveMs: number };
  ignore: IgnoreRule[];
  health: HealthRule[];
  /** Names of applications that must be Healthy at their desired revision on the same cluster. */
  dependsOn: string[];
  /** What the project allows. Patterns are globs; an empty `namespaces` allows none. */
  allowed: { namespaces: string[]; clusterKinds: string[]; namespacedKindsDenied: string[] };
  /** `namespace/name` of a service account to impersonate, else the agent writes as itself. */
  serviceAccount?: string;
}

/** Where a fleet stands with one cluster. `epoch` rises only by recovery; `generation` with every change. */
export interface Mark {
  epoch: number;
  generation: number;
}
