/** The audit log's resources, as schemas: what the OpenAPI document shows. */
import { z } from 'zod';
import { pageSchema } from '../http/operation.ts';

export const auditEventResource = z
  .object({
    id: z.uuid(),
    /** Null: not sealed yet. */
    seq: z.number().int().nullable(),
    at: z.string(),
    actor: z.object({ kind: z.string(), id: z.string(), authMethod: z.string(), ip: z.string().nullable() }),
    action: z.string(),
    resource: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
    projectId: z.uuid().nullable(),
    changes: z.array(z.unknown()),
    reason: z.record(z.string(), z.unknown()),
    correlationId: z.string(),
    outcome: z.enum(['success', 'denied']),
  })
  .meta({ id: 'AuditEvent' });

export type AuditEventResource = z.infer<typeof auditEventResource>;

export const auditPage = pageSchema('AuditEventPage', auditEventResource);

export const auditVerification = z
  .object({
    result: z.enum(['Good', 'Tampered', 'Incomplete']),
    checked: z.number().int(),
    unsealed: z.number().int(),
    firstBadSeq: z.number().int().nullable(),
    message: z.string(),
  })
  .meta({ id: 'AuditVerification' });
