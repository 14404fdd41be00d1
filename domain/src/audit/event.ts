/** An audit event as it is hashed and shown: exactly the columns of its row, so that a row can be verified by itself. */
import type { Json } from '../object/types.ts';

export type ActorKind = 'user' | 'token' | 'agent' | 'system';

export interface AuditEventRecord {
  /** UUID. */
  id: string;
  /** RFC 3339 in UTC with milliseconds. */
  at: string;
  actorKind: ActorKind;
  actorId: string;
  authMethod: string;
  ip: string | null;
  /** `application.create` */
  action: string;
  resourceKind: string;
  resourceId: string;
  resourceName: string;
  projectId: string | null;
  changes: Json;
  reason: Json;
  correlationId: string;
  outcome: 'success' | 'denied';
}
