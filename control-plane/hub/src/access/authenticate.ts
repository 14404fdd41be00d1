/**
 * From a credential to a principal. Unknown, wrong, expired and revoked tokens look alike and take a lookup each;
 * a token that was good is remembered for 2 s, so a revocation counts within that time.
 */
import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Authenticator, type Principal } from '../http/principal.ts';
import { parseToken, sameHash } from '../platform/bearerToken.ts';
import { Clock } from '../platform/clock.ts';
import { Envelope } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import { findValidToken, noteUse, type ValidToken } from './apiTokens.store.ts';
import { roleMay } from './roles.ts';

const rememberMs = 2_000;
const rememberedMax = 10_000;

@Injectable()
export class TokenAuthenticator extends Authenticator {
  private readonly remembered = new Map<string, { token: ValidToken; untilMs: number }>();

  constructor(
    private readonly database: Database,
    private readonly envelope: Envelope,
    private readonly clock: Clock,
  ) {
    super();
  }

  async authenticate(credential: {
    authorization: string | undefined;
    ip: string;
  }): Promise<Principal | null> {
    const text = /^Bearer (\S{1,200})$/i.exec(credential.authorization ?? '')?.[1];
    const token = text === undefined ? null : await this.tokenOf(text);
    return token && principalOf(token, credential.ip);
  }

  private async tokenOf(text: string): Promise<ValidToken | null> {
    const key = createHash('sha256').update(text).digest('base64');
    const known = this.remembered.get(key);
    if (known && known.untilMs > this.clock.monotonicMs()) return known.token;
    const parsed = parseToken('api', text);
    if (!parsed) return null;
    const token = await findValidToken(this.database, parsed.id);
    if (!token || !sameHash(token.secret_hash, this.envelope.tokenHash(parsed.secret))) return null;
    if (this.remembered.size >= rememberedMax) this.remembered.clear();
    this.remembered.set(key, { token, untilMs: this.clock.monotonicMs() + rememberMs });
    await noteUse(this.database, token.id);
    return token;
  }
}

function principalOf(token: ValidToken, ip: string): Principal {
  return {
    actor: { kind: 'token', id: token.id, authMethod: 'api-token', ip },
    name: token.name,
    role: token.role,
    projectId: token.project_id,
    may: (permission, projectId) =>
      roleMay(token.role, permission) &&
      (token.project_id === null || projectId === undefined || projectId === token.project_id),
  };
}
