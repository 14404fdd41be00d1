/** A signed webhook → a poll that is asked for, once a delivery. What does not prove itself changes nothing and learns nothing. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import type { Peer } from '../http/principal.ts';
import { tooManyRequests, unauthenticated } from '../http/problem.ts';
import { Clock } from '../platform/clock.ts';
import { Envelope } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions, type Actor } from '../platform/transaction.ts';
import { openWebhookSecret } from './credential.ts';
import { RateLimit } from './rateLimit.ts';
import type { RepositoryRef } from './repositories.ts';
import * as store from './repositories.store.ts';
import { deliveryIdOf, isAbout, isSigned, type Headers } from './webhookSignature.ts';

export interface Delivery {
  headers: Headers;
  raw: Buffer;
  /** Parsed; of any form. */
  body: unknown;
}

const nobodysSecret = randomBytes(32);
/** A busy repository pushes a few times a minute; beyond this it is somebody else. */
const limits = { burst: 60, perSecond: 2, keysMax: 10_000 };

@Injectable()
export class Webhooks {
  /** By sender and by repository: neither a stranger nor a loop keeps others away. */
  private readonly bySender = new RateLimit(limits);
  private readonly byRepository = new RateLimit(limits);

  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
    private readonly envelope: Envelope,
    private readonly clock: Clock,
  ) {}

  /** `accepted: false`: signed, and about nothing that is ours. @throws Problem unless it is signed */
  async receive(peer: Peer, ref: RepositoryRef, delivery: Delivery): Promise<{ accepted: boolean }> {
    const nowMs = this.clock.monotonicMs();
    if (!this.bySender.allows(`${peer.ip} ${ref.nameOrId}`, nowMs)) throw tooManyRequests();
    const repository = await this.authenticated(ref, delivery);
    if (!this.byRepository.allows(repository.id, nowMs)) throw tooManyRequests();
    if (!isAbout(repository.url, delivery.body)) return { accepted: false };
    const actor: Actor = { kind: 'system', id: `webhook:${repository.id}`, authMethod: 'hmac', ip: peer.ip };
    await this.transactions.inTransaction(
      actor,
      async (tx) => {
        const isNew = await store.insertDelivery(
          tx,
          repository.id,
          deliveryIdOf(delivery.headers) ?? randomUUID(),
        );
        if (!isNew) return tx.nothingChanged(undefined);
        await store.requestPoll(tx, repository.id);
        tx.audit({
          action: 'repository.webhook',
          resource: { kind: 'repository', id: repository.id, name: repository.name },
          projectId: repository.projectId,
        });
        tx.hint('repository', repository.id);
      },
      { correlationId: peer.correlationId },
    );
    return { accepted: true };
  }

  /** One refusal for all: no such repository, no secret, no or another signature; with the same work done. */
  private async authenticated(ref: RepositoryRef, delivery: Delivery): Promise<store.RepositoryRow> {
    const sql = <T>(text: string, params?: unknown[]) => this.database.query<T>(text, params);
    const location = { nameOrId: ref.nameOrId, project: ref.project ?? 'default' };
    const repository = await store.findRepository({ sql }, location);
    const secret = openWebhookSecret(this.envelope, repository?.id ?? '', repository?.webhookSecret ?? null);
    if (repository === null || secret === null) {
      createHmac('sha256', nobodysSecret).update(delivery.raw).digest();
      throw unauthenticated();
    }
    if (!isSigned(secret, delivery.headers, delivery.raw)) throw unauthenticated();
    return repository;
  }
}
