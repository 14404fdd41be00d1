/** Who calls, and what they may do. Made by an `Authenticator` from a credential; asked by the guard, and by services where a resource decides. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '../platform/transaction.ts';

/** `resource:verb`, e.g. `cluster:revoke`. */
export type Permission = `${string}:${string}`;

export interface Principal {
  actor: Actor;
  name: string;
  role: string;
  /** Null: of no single project. */
  projectId: string | null;
  /** With a project: in that project. */
  may(permission: Permission, projectId?: string): boolean;
}

/** What a handler hands on; fits as options of `inTransaction`. */
export interface Caller {
  principal: Principal;
  actor: Actor;
  correlationId: string;
}

/** The credential to principal half of the choke point; `access/` provides it. */
export abstract class Authenticator {
  /** Null: no valid credential. */
  abstract authenticate(credential: {
    authorization: string | undefined;
    ip: string;
  }): Promise<Principal | null>;
}

export type AuthenticatedRequest = FastifyRequest & { principal?: Principal };

/** Handler parameter: the authenticated caller. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
  const { principal } = request;
  if (!principal) throw new Error('a public operation has no caller');
  return { principal, actor: principal.actor, correlationId: request.id };
});

/** Handler parameter: the address of whoever calls, and the correlation id; for public operations. */
export const CurrentPeer = createParamDecorator((_data: unknown, context: ExecutionContext): Peer => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return { ip: request.ip, correlationId: request.id };
});

export interface Peer {
  ip: string;
  correlationId: string;
}
