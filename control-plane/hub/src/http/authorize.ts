/**
 * The single authorization choke point: one global guard, and on every operation the permission it needs. An operation
 * that says nothing is refused. Denials of somebody known are audited.
 */
import {
  applyDecorators,
  Injectable,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import { Transactions } from '../platform/transaction.ts';
import { Authenticator, type AuthenticatedRequest, type Permission, type Principal } from './principal.ts';
import { forbidden, unauthenticated } from './problem.ts';

const metadataKey = 'flotilla:authorize';

/** `public`: anybody; the operation itself checks a credential or needs none. `authenticated`: any valid token. */
export type Requirement = Permission | 'public' | 'authenticated';

/** On every handler (or a whole controller). Shown in the OpenAPI document as `x-flotilla-authorize`. */
export function Authorize(requirement: Requirement): MethodDecorator & ClassDecorator {
  return applyDecorators(
    SetMetadata(metadataKey, requirement),
    ApiExtension('x-flotilla-authorize', requirement),
  );
}

@Injectable()
export class AuthorizeGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly transactions: Transactions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const requirement = this.requirementOf(context);
    if (requirement === 'public') return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const principal = await this.authenticator.authenticate({
      authorization: request.headers.authorization,
      ip: request.ip,
    });
    if (!principal) throw unauthenticated();
    request.principal = principal;
    if (requirement === 'authenticated' || principal.may(requirement)) return true;
    await this.recordDenial(principal, requirement, request);
    throw forbidden(requirement);
  }

  private requirementOf(context: ExecutionContext): Requirement {
    const places = [context.getHandler(), context.getClass()];
    const requirement = this.reflector.getAllAndOverride<Requirement | undefined>(metadataKey, places);
    if (requirement === undefined)
      throw new Error(`${context.getClass().name} has an operation without @Authorize`);
    return requirement;
  }

  private async recordDenial(
    principal: Principal,
    permission: Permission,
    request: AuthenticatedRequest,
  ): Promise<void> {
    const path = request.url.split('?')[0] ?? '';
    await this.transactions.inTransaction(
      principal.actor,
      async (tx) => {
        tx.audit({
          action: permission.replace(':', '.'),
          resource: { kind: 'operation', id: `${request.method} ${path}`, name: path },
          outcome: 'denied',
          reason: { needs: permission },
        });
      },
      { correlationId: request.id },
    );
  }
}
