/**
 * The hub's own certificate authority. Its key exists once, in an envelope in Postgres; each replica holds it unwrapped in
 * memory. Made at the first start of the first replica, under a lock.
 */
import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TrustBundleJson } from '@flotilla/proto/enrolment';
import { Clock } from '../platform/clock.ts';
import { ConfigError, HubConfig } from '../platform/config.ts';
import { Envelope, EnvelopeError, type EnvelopePlace } from '../platform/envelope.ts';
import { Database } from '../platform/prisma.ts';
import { systemActor, Transactions, type HubTransaction } from '../platform/transaction.ts';
import * as store from './authority.store.ts';
import {
  certificateSha256,
  createRoot,
  importIssuer,
  issueServer,
  signAgent,
  type IssuedCertificate,
  type Issuer,
} from './x509.ts';

interface Loaded {
  hubId: string;
  trustDomain: string;
  issuer: Issuer;
  trustBundle: TrustBundleJson;
}

@Injectable()
export class Authority implements OnModuleInit {
  private loaded: Loaded | null = null;

  constructor(
    private readonly config: HubConfig,
    private readonly clock: Clock,
    private readonly database: Database,
    private readonly envelope: Envelope,
    private readonly transactions: Transactions,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.load();
  }

  /** Reads the authority, making it where there is none. */
  async load(): Promise<void> {
    if ((await store.readHub(store.outsideTransaction(this.database))) === null) await this.makeFirst();
    const source = store.outsideTransaction(this.database);
    const hub = await store.readHub(source);
    const rows = await store.readAuthorities(source);
    const signing = rows.find(({ phase }) => phase === 'signing');
    if (!hub || !signing) throw new Error('the hub has no signing certificate authority');
    this.loaded = {
      hubId: hub.id,
      trustDomain: hub.trustDomain,
      issuer: await importIssuer(signing.certificate, this.unwrap(signing)),
      trustBundle: { version: hub.trustBundleVersion, certificates: bundleOf(rows) },
    };
  }

  get hubId(): string {
    return this.now.hubId;
  }

  get trustDomain(): string {
    return this.now.trustDomain;
  }

  /** PEM roots, the signing one first, and cross-signed ones from before. */
  get trustBundle(): TrustBundleJson {
    return this.now.trustBundle;
  }

  get caPem(): string {
    return this.now.issuer.certificatePem;
  }

  /** What an install command pins. */
  get caSha256(): string {
    return certificateSha256(this.caPem);
  }

  signAgent(clusterId: string, publicKey: Buffer): Promise<IssuedCertificate> {
    const { issuer, trustDomain } = this.now;
    return signAgent(issuer, { publicKey, clusterId, trustDomain }, this.clock.now());
  }

  issueServer(names: readonly string[]): Promise<{ cert: string; key: string; notAfter: Date }> {
    return issueServer(this.now.issuer, names, this.clock.now());
  }

  private get now(): Loaded {
    if (!this.loaded) throw new Error('the certificate authority is not loaded');
    return this.loaded;
  }

  private async makeFirst(): Promise<void> {
    const root = await createRoot('Flotilla', this.clock.now());
    const id = randomUUID();
    const sealed = this.envelope.seal(placeOf(id), root.privateKey);
    await this.transactions.inTransaction(systemActor, async (tx: HubTransaction) => {
      await store.lockFirstStart(tx);
      if ((await store.readHub(tx)) !== null) return tx.nothingChanged(undefined);
      const hub = await store.insertHub(tx, this.config.trustDomain);
      const { bytes: privateKey, keyVersion } = sealed;
      await store.insertAuthority(tx, { id, certificate: root.certificatePem, privateKey, keyVersion });
      tx.audit({ action: 'hub.create', resource: { kind: 'hub', id: hub.id, name: hub.trustDomain } });
    });
  }

  private unwrap(row: store.AuthorityRow): Buffer {
    try {
      return this.envelope.open(placeOf(row.id), row.privateKey);
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      throw new ConfigError('HUB_KEY_FILE', 'is not the key file of this database');
    }
  }
}

function placeOf(id: string): EnvelopePlace {
  return { table: 'certificate_authorities', row: id, column: 'private_key' };
}

function bundleOf(rows: readonly store.AuthorityRow[]): string[] {
  const signingFirst = rows.toSorted((a, b) => Number(b.phase === 'signing') - Number(a.phase === 'signing'));
  return signingFirst.flatMap(({ certificate, crossSigned }) =>
    crossSigned === null ? [certificate] : [certificate, crossSigned],
  );
}
