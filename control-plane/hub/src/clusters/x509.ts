/**
 * Certificates: the hub's root, what it signs for agents and for its own listeners, and what it reads off a CSR. All keys
 * are P-256. Of a CSR nothing counts but its public key and the proof that whoever asks has the private half.
 * What is signed is put together by hand around the library's extensions: the library alone takes 5 ms of processor time
 * for a certificate, which is what lets a fleet in.
 */
import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  generateKeyPair,
  randomBytes,
  sign as signBytes,
  webcrypto,
  X509Certificate as NodeCertificate,
  type KeyObject,
} from 'node:crypto';
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
import { promisify } from 'node:util';
import { der, derCommonName, derTime, tag } from './der.ts';

export interface Issuer {
  certificatePem: string;
  privateKey: KeyObject;
  /** DER, as in the issuer's certificate. */
  name: Uint8Array;
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
const version3 = 2;
/** 1.2.840.10045.4.3.2, as an algorithm. */
const ecdsaWithSha256 = der(tag.sequence, der(tag.objectIdentifier, Buffer.from('2a8648ce3d040302', 'hex')));
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
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const root = new X509Certificate(certificatePem);
  const keyIdentifier = await AuthorityKeyIdentifierExtension.create(root, false);
  return {
    certificatePem,
    privateKey,
    name: new Uint8Array(root.subjectName.toArrayBuffer()),
    keyIdentifier,
  };
}

/** An agent's certificate over its public key: client only, 24 h, named by a SPIFFE id. */
export function signAgent(
  issuer: Issuer,
  agent: { publicKey: Buffer; clusterId: string; trustDomain: string },
  now: Date,
): IssuedCertificate {
  const id = spiffeId(agent.trustDomain, agent.clusterId);
  const subject = { publicKey: agent.publicKey, name: agent.clusterId };
  return sign(issuer, subject, { from: now, lifeMs: agentLifeMs }, [
    clientOnly,
    new SubjectAlternativeNameExtension([{ type: 'url', value: id }], true),
  ]);
}

/** A listener's certificate and key, with the root in the chain: an agent that pins the root's hash finds it there. */
export async function issueServer(
  issuer: Issuer,
  names: readonly string[],
  now: Date,
): Promise<{ cert: string; key: string; notAfter: Date }> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const subject = {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    name: 'flotilla-hub',
  };
  const issued = sign(issuer, subject, { from: now, lifeMs: serverLifeMs }, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth], true),
    new SubjectAlternativeNameExtension(
      names.map((value) => (isIP(value) === 0 ? { type: 'dns', value } : { type: 'ip', value })),
    ),
  ]);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
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
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(clusterId)) return null;
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

/** RFC 5280: TBSCertificate and the signature over it. */
function sign(
  issuer: Issuer,
  subject: { publicKey: Buffer; name: string },
  { from, lifeMs }: { from: Date; lifeMs: number },
  extensions: readonly Extension[],
): IssuedCertificate {
  const serial = newSerial();
  const notAfter = new Date(from.getTime() + lifeMs);
  const all = [leafOnly, signatureOnly, issuer.keyIdentifier, ...extensions];
  const toSign = der(
    tag.sequence,
    der(tag.context0, der(tag.integer, Buffer.of(version3))),
    der(tag.integer, Buffer.from(serial, 'hex')),
    ecdsaWithSha256,
    issuer.name,
    der(tag.sequence, derTime(new Date(from.getTime() - backdatedMs)), derTime(notAfter)),
    derCommonName(subject.name),
    subject.publicKey,
    der(tag.context3, der(tag.sequence, ...all.map(({ rawData }) => new Uint8Array(rawData)))),
  );
  const signature = signBytes('sha256', toSign, { key: issuer.privateKey, dsaEncoding: 'der' });
  const certificate = der(tag.sequence, toSign, ecdsaWithSha256, der(tag.bitString, Buffer.of(0), signature));
  return { chain: PemConverter.encode(certificate, PemConverter.CertificateTag), serial, notAfter };
}

/** Positive, 128 bits. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
