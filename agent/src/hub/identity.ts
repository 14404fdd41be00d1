/**
 * Who this agent is: its keys, the certificate over the one in use, and whom it trusts. Every change is a new value,
 * and whoever makes one stores it before acting on it.
 */
import { X509Certificate } from 'node:crypto';
import type { Enrolment, TrustBundleJson } from '@flotilla/proto/enrolment';
import { certificateSha256, isCertificateOf } from './keys.ts';

export interface Membership {
  clusterId: string;
  hubId: string;
  /** `https://host:port` */
  grpcUrl: string;
}

export interface Identity {
  /** PKCS#8 PEM, as are the others. */
  keyPem: string;
  /** PEM, leaf first; null until the hub signed the key. */
  chainPem: string | null;
  /** Made for a rotation and not yet signed. */
  nextKeyPem: string | null;
  /** The one before, for a hub that came back from a backup and knows only that. */
  previousKeyPem: string | null;
  /** Null until enrolled. */
  membership: Membership | null;
  trustBundle: TrustBundleJson | null;
}

/** An identity that can open a stream. */
export interface EnrolledIdentity extends Identity {
  chainPem: string;
  membership: Membership;
  trustBundle: TrustBundleJson;
}

/** What a hub handed out does not fit what was asked: never stored. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly what: 'certificate' | 'trustBundle';

  constructor(what: 'certificate' | 'trustBundle', problem: string, options?: { cause?: unknown }) {
    super(problem, options);
    this.what = what;
  }
}

export function isEnrolled(identity: Identity | null): identity is EnrolledIdentity {
  return identity?.chainPem != null && identity.membership !== null && identity.trustBundle !== null;
}

/** A key that was never shown to anybody. */
export function newIdentity(keyPem: string): Identity {
  return {
    keyPem,
    chainPem: null,
    nextKeyPem: null,
    previousKeyPem: null,
    membership: null,
    trustBundle: null,
  };
}

/** `pinSha256`: the CA of the install command, which must be among the roots. */
export function withEnrolment(
  identity: Identity,
  enrolment: Enrolment,
  pinSha256: string | null,
): EnrolledIdentity {
  checkTrustBundle(enrolment.trustBundle);
  if (pinSha256 !== null && !holdsPin(enrolment.trustBundle, pinSha256)) {
    throw new IdentityError('trustBundle', 'the trust bundle does not contain the pinned ca');
  }
  return {
    ...identity,
    chainPem: checkedChain(enrolment.certificateChain, identity.keyPem),
    membership: { clusterId: enrolment.clusterId, hubId: enrolment.hubId, grpcUrl: enrolment.grpcUrl },
    trustBundle: enrolment.trustBundle,
  };
}

/** A new certificate over the key in use. */
export function withRenewedChain(identity: EnrolledIdentity, chainPem: string): EnrolledIdentity {
  return { ...identity, chainPem: checkedChain(chainPem, identity.keyPem) };
}

/** The key that was made for a rotation takes over; the one before stays as a fallback. */
export function withRotatedChain(identity: EnrolledIdentity, chainPem: string): EnrolledIdentity {
  const keyPem = identity.nextKeyPem;
  if (keyPem === null) throw new IdentityError('certificate', 'no key is waiting for this certificate');
  return {
    ...identity,
    keyPem,
    chainPem: checkedChain(chainPem, keyPem),
    nextKeyPem: null,
    previousKeyPem: identity.keyPem,
  };
}

/** The hub knows only the key before and signed that: it is in use again. */
export function withFallback(identity: EnrolledIdentity, chainPem: string): EnrolledIdentity {
  const keyPem = identity.previousKeyPem;
  if (keyPem === null) throw new IdentityError('certificate', 'there is no key before');
  return {
    ...identity,
    keyPem,
    chainPem: checkedChain(chainPem, keyPem),
    previousKeyPem: identity.keyPem,
  };
}

export function withNextKey(identity: EnrolledIdentity, keyPem: string): EnrolledIdentity {
  return { ...identity, nextKeyPem: keyPem };
}

/** A greater version only; null where there is nothing to store. */
export function withTrustBundle(
  identity: EnrolledIdentity,
  bundle: TrustBundleJson,
): EnrolledIdentity | null {
  if (bundle.version <= identity.trustBundle.version) return null;
  checkTrustBundle(bundle);
  return { ...identity, trustBundle: bundle };
}

export interface Validity {
  notBeforeMs: number;
  notAfterMs: number;
  /** Lower-case hex. */
  serial: string;
}

/** Of the leaf of a chain. */
export function validityOf(chainPem: string): Validity {
  const leaf = new X509Certificate(chainPem);
  return {
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    serial: leaf.serialNumber.toLowerCase(),
  };
}

function checkedChain(chainPem: string, keyPem: string): string {
  try {
    if (isCertificateOf(chainPem, keyPem)) return chainPem;
  } catch (cause) {
    throw new IdentityError('certificate', 'not a certificate', { cause });
  }
  throw new IdentityError('certificate', 'the certificate is over another key');
}

function checkTrustBundle(bundle: TrustBundleJson): void {
  if (bundle.certificates.length === 0) throw new IdentityError('trustBundle', 'the trust bundle is empty');
  for (const certificate of bundle.certificates) {
    if (!isCa(certificate))
      throw new IdentityError('trustBundle', 'not every certificate of the trust bundle is a ca');
  }
}

function isCa(certificatePem: string): boolean {
  try {
    return new X509Certificate(certificatePem).ca;
  } catch (cause) {
    throw new IdentityError('trustBundle', 'not a certificate', { cause });
  }
}

function holdsPin(bundle: TrustBundleJson, pinSha256: string): boolean {
  return bundle.certificates.some((certificate) => certificateSha256(certificate) === pinSha256);
}
