/** What goes in and out of the operations on API tokens. */
import { z } from 'zod';
import { pageSchema } from '../http/operation.ts';
import { roles, type Role } from './roles.ts';

const time = z.iso.datetime();
const role = z.enum(roles as [Role, ...Role[]]);

export const apiToken = z
  .object({
    id: z.string(),
    name: z.string(),
    role,
    createdBy: z.string(),
    createdAt: time,
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
    lastUsedAt: time.nullable(),
  })
  .meta({ id: 'ApiToken' });

export const createdApiToken = apiToken
  .extend({ token: z.string().describe('the secret, shown this once') })
  .meta({ id: 'CreatedApiToken' });

export const apiTokenPage = pageSchema('ApiTokenPage', apiToken);

export const newApiToken = z
  .strictObject({
    name: z.string().min(1).max(100),
    role,
    expiresInMs: z
      .int()
      .min(60_000)
      .max(366 * 24 * 3600 * 1000)
      .optional()
      .describe('left out: it never expires'),
  })
  .meta({ id: 'NewApiToken' });

export const whoami = z
  .object({ kind: z.string(), id: z.string(), name: z.string(), role: z.string() })
  .meta({ id: 'WhoAmI' });

export type ApiToken = z.output<typeof apiToken>;
export type CreatedApiToken = z.output<typeof createdApiToken>;
export type NewApiToken = z.output<typeof newApiToken>;
export type WhoAmI = z.output<typeof whoami>;
