/** A signed webhook → a poll that is asked for, once a delivery. What does not prove itself changes nothing and learns nothing. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import type { Peer } from '../http/principal.ts';
import { unauthenticated } from '../http/problem.ts';
import { Envelope } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import { Transactions, type Actor } from '../platform/transaction.ts';
import { openWebhookSecret } from './credential.ts';
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

@Injectable()
export class Webhooks {
  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
    private readonly envelope: Envelope,
  ) {}

  /** `accepted: false`: signed, and about nothing that is ours. @throws Problem unless it is signed */
  async receive(peer: Peer, ref: RepositoryRef, delivery: Delivery): Promise<{ accepted: boolean }> {
    const repository = await this.authenticated(ref, delivery);
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
