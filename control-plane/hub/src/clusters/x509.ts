/**
 * Certificates: the hub's root, what it signs for agents and for its own listeners, and what it reads off a CSR. All keys
 * are P-256. Of a CSR nothing counts but its public key and the proof that whoever asks has the private half.
 */
import 'reflect-metadata';
import { createHash, randomBytes, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
} from '@peculiar/x509';
import { isIP } from 'node:net';
import { isUuid } from '../platform/uuid.ts';

export interface Issuer {
  certificatePem: string;
  privateKey: webcrypto.CryptoKey;
  /** Read off the certificate once: it says the same in all that is signed. */
  name: string;
  keyIdentifier: Extension;
}

export interface IssuedCertificate {
  /** PEM, leaf first. */
  chain: string;
  /** Lower-case hex. */
  serial: string;
  notAfter: Date;
}

export interface RequestedKey {
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer<ArrayBuffer>;
  /** SHA-256 of it, lower-case hex. */
  fingerprint: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const { subtle } = webcrypto;
const leafOnly = new BasicConstraintsExtension(false, undefined, true);
const signatureOnly = new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true);
const clientOnly = new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth], true);
const hourMs = 3_600_000;
const agentLifeMs = 24 * hourMs;
/** A listener gets a new one at every start. */
const serverLifeMs = 397 * 24 * hourMs;
const rootLifeMs = 10 * 365 * 24 * hourMs;
/** Clocks of agents and replicas differ: certificates begin a while ago. */
const backdatedMs = 2 * hourMs;

/** A new self-signed root; `privateKey` is PKCS#8. */
export async function createRoot(
  name: string,
  now: Date,
): Promise<{ certificatePem: string; privateKey: Buffer }> {
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=${name} root ${newSerial().slice(0, 8)}`,
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: new Date(now.getTime() + rootLifeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const privateKey = Buffer.from(await subtle.exportKey('pkcs8', keys.privateKey));
  return { certificatePem: certificate.toString('pem'), privateKey };
}

export async function importIssuer(certificatePem: string, pkcs8: Buffer): Promise<Issuer> {
  const privateKey = await subtle.importKey('pkcs8', new Uint8Array(pkcs8), algorithm, false, ['sign']);
  const root = new X509Certificate(certificatePem);
  const keyIdentifier = await AuthorityKeyIdentifierExtension.create(root, false);
  return { certificatePem, privateKey, name: root.subject, keyIdentifier };
}

/** An agent's certificate over its public key: client only, 24 h, named by a SPIFFE id. */
export async function signAgent(
  issuer: Issuer,
  agent: { publicKey: Buffer; clusterId: string; trustDomain: string },
  now: Date,
): Promise<IssuedCertificate> {
  const publicKey = await importPublic(agent.publicKey);
  return sign(issuer, publicKey, `CN=${agent.clusterId}`, { from: now, lifeMs: agentLifeMs }, [
    clientOnly,
    new SubjectAlternativeNameExtension(
      [{ type: 'url', value: spiffeId(agent.trustDomain, agent.clusterId) }],
      true,
    ),
  ]);
}

/** A listener's certificate and key, with the root in the chain: an agent that pins the root's hash finds it there. */
export async function issueServer(
  issuer: Issuer,
  names: readonly string[],
  now: Date,
): Promise<{ cert: string; key: string; notAfter: Date }> {
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const issued = await sign(issuer, keys.publicKey, 'CN=flotilla-hub', { from: now, lifeMs: serverLifeMs }, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth], true),
    new SubjectAlternativeNameExtension(
      names.map((value) => (isIP(value) === 0 ? { type: 'dns', value } : { type: 'ip', value })),
    ),
  ]);
  const pkcs8 = await subtle.exportKey('pkcs8', keys.privateKey);
  const key = PemConverter.encode(pkcs8, PemConverter.PrivateKeyTag);
  return { cert: `${issued.chain}\n${issuer.certificatePem}\n`, key, notAfter: issued.notAfter };
}

/** The key that a CSR (PEM or DER) proves; null when it is no valid CSR over a P-256 key. */
export async function readCsr(csr: string | Uint8Array): Promise<RequestedKey | null> {
  try {
    const request = new Pkcs10CertificateRequest(typeof csr === 'string' ? csr : new Uint8Array(csr));
    const { namedCurve } = request.publicKey.algorithm as { namedCurve?: string };
    if (namedCurve !== 'P-256' || !(await request.verify())) return null;
    const publicKey = Buffer.from(request.publicKey.rawData);
    return { publicKey, fingerprint: fingerprintOf(publicKey) };
  } catch {
    return null;
  }
}

/** Whose certificate this is and over which key; null when it is none of an agent of this trust domain. */
export function readAgentCertificate(
  der: Buffer,
  trustDomain: string,
): { clusterId: string; fingerprint: string; publicKey: Buffer } | null {
  const certificate = new NodeCertificate(der);
  const prefix = `URI:${spiffeId(trustDomain, '')}`;
  const names = (certificate.subjectAltName ?? '').split(', ');
  const clusterId = names.length === 1 && names[0]?.startsWith(prefix) ? names[0].slice(prefix.length) : '';
  if (!isUuid(clusterId)) return null;
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return { clusterId, fingerprint: fingerprintOf(publicKey), publicKey };
}

/** SHA-256 of the certificate's DER: what an install command pins. */
export function certificateSha256(certificatePem: string): string {
  return createHash('sha256').update(new NodeCertificate(certificatePem).raw).digest('hex');
}

export function fingerprintOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex');
}

function spiffeId(trustDomain: string, clusterId: string): string {
  return `spiffe://${trustDomain}/cluster/${clusterId}`;
}

async function sign(
  issuer: Issuer,
  publicKey: webcrypto.CryptoKey,
  subject: string,
  { from, lifeMs }: { from: Date; lifeMs: number },
  extensions: Extension[],
): Promise<IssuedCertificate> {
  const notAfter = new Date(from.getTime() + lifeMs);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject,
    issuer: issuer.name,
    notBefore: new Date(from.getTime() - backdatedMs),
    notAfter,
    publicKey,
    signingKey: issuer.privateKey,
    signingAlgorithm: algorithm,
    extensions: [leafOnly, signatureOnly, issuer.keyIdentifier, ...extensions],
  });
  return { chain: certificate.toString('pem'), serial: certificate.serialNumber.toLowerCase(), notAfter };
}

function importPublic(spki: Buffer): Promise<webcrypto.CryptoKey> {
  return subtle.importKey('spki', new Uint8Array(spki), algorithm, true, ['verify']);
}

/** Positive, 128 bits. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
