/**
 * Who is at the other end: the cluster that the certificate names, as long as the certificate's key is one that the
 * cluster is bound to. Nothing in a message says which cluster it speaks for.
 */
import { status, type StatusObject } from '@grpc/grpc-js';
import { outsideTransaction } from '../clusters/authority.store.ts';
import { readAgentCertificate } from '../clusters/x509.ts';
import type { Database } from '../platform/prisma.ts';
import { readKeyState } from './sessions.store.ts';

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

/** Null: no certificate of an agent of this hub. TLS has checked its signature and dates. */
export function peerOf(call: AuthenticatedCall, trustDomain: string): Peer | null {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate?.raw === undefined) return null;
  return readAgentCertificate(certificate.raw, trustDomain);
}

/** The peer of a call beside the control stream; null when its key or its cluster counts no longer. */
export async function authorizedPeer(
  database: Database,
  call: AuthenticatedCall,
  trustDomain: string,
): Promise<Peer | null> {
  const peer = peerOf(call, trustDomain);
  if (!peer) return null;
  const state = await readKeyState(outsideTransaction(database), peer.clusterId, peer.fingerprint);
  return state === 'Active' || state === 'Paused' ? peer : null;
}

export const unauthenticated: Partial<StatusObject> = {
  code: status.UNAUTHENTICATED,
  details: 'not an agent of this hub',
};
/** The same for what does not exist and for what is another cluster's. */
export const notFound: Partial<StatusObject> = { code: status.NOT_FOUND, details: 'no such thing' };
