/**
 * Who is at the other end: the cluster that the certificate names, as long as the certificate's key is one that the
 * cluster is bound to. Nothing in a message says which cluster it speaks for.
 */
import { status, type StatusObject } from '@grpc/grpc-js';
import { outsideTransaction } from '../clusters/authority.store.ts';
import { readAgentCertificate } from '../clusters/x509.ts';
import { Batcher } from '../platform/batcher.ts';
import type { Database } from '../platform/prisma.ts';
import { readKeyStates } from './sessions.store.ts';

/** What of a call says who calls. */
export interface AuthenticatedCall {
  getAuthContext(): { sslPeerCertificate?: { raw?: Buffer } };
}

export interface Peer {
  clusterId: string;
  fingerprint: string;
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer;
}

const peersMax = 500;

export class Peers {
  readonly #trustDomain: string;
  readonly #states: Batcher<Peer, string | null>;
  /** By connection: reading a certificate costs as much as a message. */
  readonly #known = new WeakMap<object, Peer>();

  constructor(database: Database, trustDomain: string) {
    const source = outsideTransaction(database);
    this.#trustDomain = trustDomain;
    this.#states = new Batcher({
      itemsMax: peersMax,
      runningMax: 2,
      run: (peers) => readKeyStates(source, peers),
    });
  }

  /** Null: no certificate of an agent of this hub. TLS has checked its signature and dates. */
  of(call: AuthenticatedCall): Peer | null {
    const connection = connectionOf(call);
    const known = connection && this.#known.get(connection);
    if (known) return known;
    const certificate = call.getAuthContext().sslPeerCertificate;
    if (certificate?.raw === undefined) return null;
    const peer = readAgentCertificate(certificate.raw, this.#trustDomain);
    if (connection && peer) this.#known.set(connection, peer);
    return peer;
  }

  /** The peer of a call beside the control stream; null when its key or its cluster counts no longer. */
  async authorized(call: AuthenticatedCall): Promise<Peer | null> {
    const peer = this.of(call);
    if (!peer) return null;
    const state = await this.#states.ask(peer);
    return state === 'Active' || state === 'Paused' ? peer : null;
  }
}

/** The HTTP/2 session that a server call of grpc-js came by, as far as it can be seen. */
function connectionOf(call: AuthenticatedCall): object | undefined {
  return (call as { call?: { stream?: { session?: object } } }).call?.stream?.session;
}

export const unauthenticated: Partial<StatusObject> = {
  code: status.UNAUTHENTICATED,
  details: 'not an agent of this hub',
};
/** The same for what does not exist and for what is another cluster's. */
export const notFound: Partial<StatusObject> = { code: status.NOT_FOUND, details: 'no such thing' };
