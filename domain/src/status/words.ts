/** The words of the status API, fixed by the design: every screen, row and message uses these and no others. */

export type SyncStatus = 'Synced' | 'OutOfSync' | 'Unknown';

/** Best to worst. */
export type HealthStatus = 'Healthy' | 'Suspended' | 'Progressing' | 'Missing' | 'Degraded' | 'Unknown';

export type OperationPhase = 'Running' | 'Succeeded' | 'Failed' | 'Error' | 'Terminating';

export type ClusterState = 'Pending' | 'Active' | 'Paused' | 'Quarantined' | 'Revoked';

export type ConnectionState = 'Connected' | 'Offline' | 'Never';

/** Something a person should know about a target, by a stable type. */
export interface Condition {
  type: ConditionType;
  message: string;
}

export type ConditionType =
  | 'BundleUnavailable'
  | 'Conflict'
  | 'DependencyWaiting'
  | 'DiskFull'
  | 'DiscoveryFailed'
  | 'GuardHeld'
  | 'InvalidEntry'
  | 'InventoryRebuilt'
  | 'NotPermitted'
  | 'Orphaned'
  | 'PruneBlocked'
  | 'Pruning'
  | 'RenderError'
  | 'SharedResource'
  | 'SnapshotLost'
  | 'SyncError'
  | 'UnknownKind'
  | 'WaitingForBundle';

export interface Health {
  status: HealthStatus;
  message: string;
}
