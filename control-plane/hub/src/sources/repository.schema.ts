/** Repositories as the API shows them, and what goes into their operations. Credentials and secrets go in and never come out. */
import { z } from 'zod';

import { pageSchema } from '../http/operation.ts';
import { pageQuery } from '../http/pages.ts';
import { credentialInput } from './credential.ts';

const name = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and "-", e.g. "fleet"',
  );

const pollIntervalMs = z
  .int()
  .min(1_000)
  .max(24 * 3_600_000)
  .describe('how often to look without a webhook');

const webhookSecret = z.string().min(16, 'must have at least 16 characters').max(256);

export const repositoryResource = z
  .object({
    id: z.uuid(),
    project: z.string(),
    name: z.string(),
    kind: z.string(),
    url: z.string(),
    hasCredential: z.boolean(),
    hasWebhookSecret: z.boolean(),
    pollIntervalMs: z.int(),
    polledAt: z.iso.datetime().nullable(),
    error: z.string().nullable().describe('why the last look failed; what was read before stays'),
    errorAt: z.iso.datetime().nullable().describe('since when'),
    refs: z.array(
      z.object({
        ref: z.string(),
        commit: z.string().nullable(),
        error: z.string().nullable(),
        seenAt: z.iso.datetime(),
        rewritten: z
          .object({ from: z.string(), to: z.string(), at: z.iso.datetime() })
          .nullable()
          .describe(
            'a force-push: the newest commit is not built on the one of before; null with the next commit',
          ),
      }),
    ),
    version: z.int(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Repository' });

export const repositoryPage = pageSchema('RepositoryPage', repositoryResource);

export const newRepository = z
  .strictObject({
    project: z.string().default('default'),
    name,
    url: z.string().min(1).max(2048).describe('https URL of a Git repository, without credentials'),
    credential: credentialInput.optional(),
    webhookSecret: webhookSecret.optional(),
    pollIntervalMs: pollIntervalMs.default(60_000),
  })
  .meta({ id: 'NewRepository' });

/** What is left out stays; null removes. */
export const repositoryPatch = z
  .strictObject({
    url: z.string().min(1).max(2048).optional(),
    credential: credentialInput.nullable().optional(),
    webhookSecret: webhookSecret.nullable().optional(),
    pollIntervalMs: pollIntervalMs.optional(),
  })
  .meta({ id: 'RepositoryPatch' });

export const inProject = z.object({ project: z.string().optional() });
export const repositoryList = z.object({ ...pageQuery.shape, ...inProject.shape });
export const webhookAnswer = z.object({ accepted: z.boolean() }).meta({ id: 'WebhookAnswer' });

export type RepositoryResource = z.output<typeof repositoryResource>;
export type NewRepository = z.output<typeof newRepository>;
export type RepositoryPatch = z.output<typeof repositoryPatch>;
export type RepositoryList = z.output<typeof repositoryList>;
