/**
 * The resources of the REST API as a client sees them. Times are RFC 3339 strings, counters that pass 2^53 in theory
 * (generations, assignments) are plain numbers. `openapi.json` beside this package is the contract; a test compares.
 */

export type SyncStatus = 'Synced' | 'OutOfSync' | 'Unknown';
export type HealthStatus = 'Healthy' | 'Suspended' | 'Progressing' | 'Missing' | 'Degraded' | 'Unknown';
export type RemovalMode = 'delete' | 'orphan' | 'detach';

export interface Page<T> {
  items: T[];
  /** Cursor of the next page; null at the end. */
  next: string | null;
}

export interface Condition {
  type: string;
  message: string;
}

export interface StatusCounts {
  total: number;
  sync: Record<string, number>;
  health: Record<string, number>;
}

/** What a project's applications may write; all are globs. */
export interface ProjectAllowed {
  namespaces: string[];
  /** Cluster-scoped, as `group/Kind` or `Kind`. */
  clusterKinds: string[];
  namespacedKindsDenied: string[];
}

/** When new revisions may go out: as in Argo CD, with times of cron in a time zone. */
export interface SyncWindow {
  kind: 'allow' | 'deny';
  schedule: string;
  /** `8h` */
  duration: string;
  timeZone: string;
  /** A person may sync although it is closed. */
  manualSync: boolean;
  applications: string[];
  namespaces: string[];
  clusters: { names?: string[]; selector?: Record<string, unknown> };
}

export type NewSyncWindow = Pick<SyncWindow, 'kind' | 'schedule' | 'duration'> & Partial<SyncWindow>;

export interface ProjectChange {
  allowed?: Partial<ProjectAllowed>;
  syncWindows?: NewSyncWindow[];
  /** As they are written, by name. */
  strategies?: Record<string, Record<string, unknown>>;
}

export interface Project {
  id: string;
  name: string;
  spec: {
    allowed: ProjectAllowed;
    syncWindows: SyncWindow[];
    strategies: Record<string, Record<string, unknown>>;
  };
  version: number;
  createdAt: string;
}

export interface Cluster {
  id: string;
  name: string;
  project: string;
  labels: Record<string, string>;
  facts: Record<string, string>;
  state: 'Pending' | 'Active' | 'Paused' | 'Quarantined' | 'Revoked';
  stateReason: string | null;
  pausedUntil: string | null;
  connection: 'Connected' | 'Offline' | 'Never';
  connectedAt: string | null;
  lastSeenAt: string | null;
  agentVersion: string | null;
  kubernetesVersion: string | null;
  generation: number;
  acceptedGeneration: number;
  acceptedAt: string | null;
  nackReason: string | null;
  recovering: boolean;
  recoveringReason: string | null;
  version: number;
  createdAt: string;
  status: StatusCounts;
}

export interface RegistrationToken {
  id: string;
  project: string;
  labels: Record<string, string>;
  clusterName: string | null;
  cidrs: string[];
  maxUses: number;
  uses: number;
  requireApproval: boolean;
  expiresAt: string;
  revokedAt: string | null;
  createdBy: string;
  createdAt: string;
}

/** The secret is shown once, here. */
export interface CreatedRegistrationToken extends RegistrationToken {
  token: string;
  /** SHA-256 of the hub's CA certificate, for the agent to pin. */
  caSha256: string;
}

export interface RepositoryRef {
  ref: string;
  commit: string | null;
  error: string | null;
  seenAt: string;
  /** The newest commit is not built on the one of before: a force-push. */
  rewritten: { from: string; to: string; at: string } | null;
}

export interface Repository {
  id: string;
  project: string;
  name: string;
  kind: string;
  url: string;
  hasCredential: boolean;
  hasWebhookSecret: boolean;
  pollIntervalMs: number;
  polledAt: string | null;
  error: string | null;
  errorAt: string | null;
  refs: RepositoryRef[];
  version: number;
  createdAt: string;
}

export interface ApplicationSource {
  repository: string;
  ref: { branch: string } | { tag: string } | { commit: string };
  path: string;
  /** Templates in the values of its manifests and in its path are evaluated for each cluster. */
  template?: boolean;
  directory?: { recurse?: boolean; include?: string; exclude?: string };
}

/** Any part left out gets the default that the API documents. */
export interface ApplicationSpec {
  sources: ApplicationSource[];
  placement?: Record<string, unknown>;
  overrides?: Record<string, unknown>[];
  destination: { namespace: string };
  syncPolicy?: Record<string, unknown>;
  ignoreDifferences?: Record<string, unknown>[];
  strategy?: Record<string, unknown>;
  dependsOn?: string[];
}

export interface Currency {
  state: 'Current' | 'Behind' | 'Held';
  behind: number;
  reason: string | null;
}

export interface Application {
  id: string;
  project: string;
  name: string;
  spec: ApplicationSpec;
  version: number;
  revisionNumber: number;
  revision: RevisionSummary | null;
  sync: SyncStatus;
  health: HealthStatus;
  currency: Currency;
  status: StatusCounts;
  rollout: {
    id: string;
    revisionNumber: number;
    kind: string;
    phase: string;
    phaseReason: string | null;
  } | null;
  /** In order; not there where the application has none. */
  stages?: Stage[];
  conditions: Condition[];
  removal: RemovalMode | null;
  createdAt: string;
  updatedAt: string;
}

export interface StageRollout {
  id: string;
  revision: RevisionSummary;
  kind: string;
  phase: string;
  phaseReason: string | null;
}

/** The revision that comes next from the stage before. */
export interface StageCandidate {
  revision: RevisionSummary;
  /** Held: its time does not count now, the message says why. */
  state: 'Soaking' | 'AwaitingApproval' | 'Held';
  since: string;
  /** When it will have soaked; null: that is not known. */
  until: string | null;
  message: string;
}

export interface Stage {
  name: string;
  /** How long the stage before must be healthy with a revision. */
  soakMs: number;
  /** What has soaked waits for a person. */
  approval: boolean;
  targets: number;
  /** The worst of its targets. */
  sync: SyncStatus;
  health: HealthStatus;
  /** That it completed last. */
  revision: RevisionSummary | null;
  rollout: StageRollout | null;
  /** Not started yet. */
  waiting: StageRollout | null;
  candidate: StageCandidate | null;
}

export interface RevisionSummary {
  number: number;
  state: string;
  commit: string;
  message: string;
  author: string;
}

export interface Revision extends RevisionSummary {
  id: string;
  sources: { repository: string; ref: string; commit: string; path: string }[];
  error: { message: string } | null;
  createdAt: string;
}

export interface ResourceStatus {
  group: string;
  kind: string;
  namespace: string;
  name: string;
  sync: SyncStatus;
  health: { status: HealthStatus; message: string } | null;
  message: string;
}

export interface Target {
  id: string;
  application: string;
  applicationId: string;
  project: string;
  cluster: string;
  clusterId: string;
  /** '' in an application without stages. */
  stage: string;
  state: 'Unassigned' | 'Active' | 'Suspended' | 'Removing';
  removal: RemovalMode | null;
  sync: SyncStatus;
  health: HealthStatus;
  healthMessage: string;
  currency: Currency;
  /** OutOfSync when the cluster differs from what is assigned, or what is assigned is not the newest; `shownWhy` says which. */
  shownSync: SyncStatus;
  shownWhy: string;
  assignment: number;
  /** Assigned, as is `bundle`. */
  revisionNumber: number | null;
  bundle: string | null;
  /** Name, labels and facts of the cluster, and overrides, that decided which of the revision's bundles it is; null: not there. */
  reads: Record<string, string | null>;
  observedAssignment: number | null;
  observedRevision: number | null;
  observedBundle: string | null;
  operation: { phase: string; message: string } | null;
  conditions: Condition[];
  /** False when what is shown was not reported or confirmed by the cluster's live session: sync and health are Unknown. */
  live: boolean;
  lastSeenAt: string | null;
  changedAt: string | null;
}

export interface Run {
  target: string;
  application: string;
  cluster: string;
  revisionNumber: number;
  commit: string | null;
  bundle: string;
  assignment: number;
  from: string;
  to: string | null;
  agentAt: string | null;
}

export interface Transition {
  at: string;
  agentAt: string | null;
  target: string;
  application: string;
  cluster: string;
  kind: string;
  from: string | null;
  to: string | null;
  detail: Record<string, unknown>;
}

export interface TargetDetail extends Target {
  resources: ResourceStatus[];
  counts: { objects: number; outOfSync: number; pruneHeld: number } | null;
  flaps: number;
  runs: Run[];
  recent: Transition[];
}

export interface Fleet {
  clusters: { total: number; states: Record<string, number>; connections: Record<string, number> };
  applications: { total: number };
  targets: StatusCounts;
  rollouts: Record<string, number>;
}

export interface SyncResult {
  application: string;
  /** What was asked for: the waiting rollout was started, or the present revision is applied again. */
  action: 'StartedRollout' | 'Reapplied';
  revisionNumber: number;
  targets: number;
}

export interface AuditEvent {
  id: string;
  seq: number | null;
  at: string;
  actor: { kind: string; id: string; authMethod: string; ip: string | null };
  action: string;
  resource: { kind: string; id: string; name: string };
  projectId: string | null;
  changes: unknown[];
  reason: Record<string, unknown>;
  correlationId: string;
  outcome: string;
}

export interface AuditVerification {
  result: 'Good' | 'Tampered' | 'Incomplete';
  checked: number;
  unsealed: number;
  firstBadSeq: number | null;
  message: string;
}

export interface ApiToken {
  id: string;
  name: string;
  role: 'admin' | 'viewer';
  createdBy: string;
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  lastUsedAt: string | null;
}

export interface CreatedApiToken extends ApiToken {
  token: string;
}

export interface WhoAmI {
  kind: string;
  id: string;
  name: string;
  role: string;
}

/** One server-sent event: `audit` events resume by their id, `status` events say what to read again. */
export interface FleetEvent {
  id: string | null;
  type: string;
  data: unknown;
}

// ---- plans ----------------------------------------------------------------------------------------------------

export type PlanVerdict = 'clean' | 'changes' | 'failing' | 'incomplete';
export type PlanState = 'Waiting' | 'Answered' | 'Offline' | 'NoAnswer' | 'Error';
export type PlannedAction =
  'fail' | 'unknown' | 'delete' | 'change' | 'create' | 'run' | 'keep' | 'unchanged';
/** Objects by what would become of them. */
export type PlanCounts = Record<PlannedAction, number>;

/** Clusters by what they came to. */
export interface PlanTally {
  clean: number;
  changes: number;
  failing: number;
  incomplete: number;
  waiting: number;
  offline: number;
  noAnswer: number;
  error: number;
}

/** Clusters for which the same would change. */
export interface PlanGroup {
  digest: string;
  verdict: PlanVerdict;
  clusters: number;
  sample: string[];
  message: string;
  counts: PlanCounts;
}

export interface PlanSummary {
  id: string;
  application: string;
  project: string;
  /** As it was asked for. */
  revision: string;
  commit: string | null;
  message: string;
  author: string;
  phase: 'Rendering' | 'Asking' | 'Done' | 'Failed';
  error: string | null;
  /** So far; null before clusters are asked. */
  verdict: PlanVerdict | null;
  summary: string;
  bundle: string | null;
  objects: number;
  targets: number;
  answered: number;
  tally: PlanTally;
  createdBy: string;
  createdAt: string;
  finishedAt: string | null;
}

/** What a commit would change across the fleet, before anything is. */
export interface Plan extends PlanSummary {
  groups: PlanGroup[];
  groupsOmitted: number;
}

export interface PlanResult {
  cluster: string;
  clusterId: string;
  state: PlanState;
  verdict: PlanVerdict | null;
  digest: string | null;
  counts: PlanCounts | null;
  message: string;
  answeredAt: string | null;
}

export interface PlannedObject {
  object: { group: string; kind: string; namespace: string; name: string };
  action: PlannedAction;
  /** Of a change: JSON pointers with both sides as JSON; sensitive values are masked. */
  fields?: { path: string; before: string | null; after: string | null }[];
  omitted?: { count: number; digest: string } | null;
  recreated?: boolean;
  content?: string;
  note?: string;
  phase?: string;
  reason?: string;
  message?: string;
}

export interface PlanDiff {
  digest: string;
  counts: PlanCounts;
  /** Without the unchanged. */
  objects: PlannedObject[];
  omitted: { count: number; digest: string } | null;
}
