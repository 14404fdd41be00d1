/** Clusters and registration tokens as the API takes and shows them. */
import { z } from 'zod';
import ipaddr from 'ipaddr.js';
import { pageSchema } from '../http/operation.ts';
import { pageQuery } from '../http/pages.ts';

const dayMs = 86_400_000;

const labelKey = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
    'is no label key',
  );
const labelValue = z
  .string()
  .regex(/^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/, 'is no label value');
export const labelsSchema = z
  .record(labelKey, labelValue)
  .refine((labels) => Object.keys(labels).length <= 64, 'too many labels');

export const clusterNameSchema = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'is no DNS name');

const cidrSchema = z
  .string()
  .refine((text) => ipaddr.isValidCIDR(text) || ipaddr.isValid(text), 'is no address or network');

export const tokenResource = z
  .object({
    id: z.string(),
    project: z.string(),
    labels: z.record(z.string(), z.string()),
    clusterName: z.string().nullable(),
    cidrs: z.array(z.string()),
    maxUses: z.int(),
    uses: z.int(),
    requireApproval: z.boolean(),
    expiresAt: z.string(),
    revokedAt: z.string().nullable(),
    createdBy: z.string(),
    createdAt: z.string(),
  })
  .meta({ id: 'RegistrationToken' });

export const createdTokenResource = tokenResource
  .extend({
    token: z.string().describe('shown once'),
    caSha256: z.string().describe("SHA-256 of the hub's CA certificate, for the agent to pin"),
  })
  .meta({ id: 'CreatedRegistrationToken' });

export const tokenPage = pageSchema('RegistrationTokenPage', tokenResource);

export const createTokenBody = z.strictObject({
  project: z.string().max(253).default('default'),
  labels: labelsSchema.default({}),
  clusterName: clusterNameSchema.optional(),
  cidrs: z.array(cidrSchema).max(50).default([]),
  maxUses: z.int().min(1).max(10_000).default(1),
  expiresInMs: z
    .int()
    .min(1000)
    .max(90 * dayMs)
    .default(3_600_000),
  requireApproval: z.boolean().default(false),
});

export const tokenQuery = z.object({ ...pageQuery.shape, project: z.string().max(253).optional() });

export const clusterStates = ['Pending', 'Active', 'Paused', 'Quarantined', 'Revoked'] as const;
export const connections = ['Connected', 'Offline', 'Never'] as const;

export const clusterResource = z
  .object({
    id: z.uuid(),
    name: z.string(),
    project: z.string(),
    labels: z.record(z.string(), z.string()),
    facts: z.record(z.string(), z.string()),
    state: z.enum(clusterStates),
    stateReason: z.string().nullable(),
    pausedUntil: z.string().nullable(),
    connection: z.enum(connections),
    connectedAt: z.string().nullable(),
    lastSeenAt: z.string().nullable(),
    agentVersion: z.string().nullable(),
    kubernetesVersion: z.string().nullable(),
    generation: z.int(),
    acceptedGeneration: z.int(),
    acceptedAt: z.string().nullable(),
    nackReason: z.string().nullable(),
    recovering: z.boolean(),
    recoveringReason: z.string().nullable(),
    version: z.int(),
    createdAt: z.string(),
    status: z.object({
      total: z.int(),
      sync: z.record(z.string(), z.int()),
      health: z.record(z.string(), z.int()),
    }),
  })
  .meta({ id: 'Cluster' });

export const clusterPage = pageSchema('ClusterPage', clusterResource);

export const clusterQuery = z.object({
  ...pageQuery.shape,
  project: z.string().max(253).optional(),
  state: z.enum(clusterStates).optional(),
  connection: z.enum(connections).optional(),
  label: z
    .string()
    .max(1000)
    .regex(/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/, 'is not key=value,…')
    .optional()
    .describe('`key=value`, several joined by commas: all must match'),
});

export const patchClusterBody = z.strictObject({ labels: labelsSchema });

export const pauseBody = z.strictObject({
  reason: z.string().min(1).max(1000),
  until: z.iso.datetime({ offset: true }).optional(),
});

export const reasonBody = z.strictObject({ reason: z.string().max(1000).optional() }).optional();

export const enrolBody = z.object({
  token: z.string().max(200),
  csr: z.string().max(8192),
  clusterUid: z.uuid(),
});

export const renewBody = z.object({ clusterId: z.uuid(), csr: z.string().max(8192) });

const trustBundle = z.object({ version: z.int(), certificates: z.array(z.string()) });

export const renewalResource = z
  .object({ certificateChain: z.string(), trustBundle })
  .meta({ id: 'Renewal' });

export const enrolmentResource = renewalResource
  .extend({ clusterId: z.uuid(), hubId: z.uuid(), grpcUrl: z.string() })
  .meta({ id: 'Enrolment' });
