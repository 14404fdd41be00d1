/**
 * The agent's own keys: P-256, made here, never sent. A cluster is bound to the public half, so a request to sign it
 * again may be repeated after any crash.
 *
 * The signing request (PKCS#10) is written by hand: twenty lines of DER, where a library costs an agent 20 MB of memory.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  sign,
  X509Certificate,
} from 'node:crypto';
import { promisify } from 'node:util';

/** A new private key, PKCS#8 PEM. */
export async function generateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A signing request over the key, DER. The hub reads nothing but the public key, so the subject says nothing. */
export function createCsr(keyPem: string): Uint8Array {
  const key = createPrivateKey(keyPem);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const version = der(tag.integer, Buffer.of(0));
  const subject = der(tag.sequence);
  const attributes = der(tag.context0);
  const info = der(tag.sequence, version, subject, publicKey, attributes);
  const signature = sign('sha256', info, { key, dsaEncoding: 'der' });
  const algorithm = der(tag.sequence, der(tag.objectIdentifier, ecdsaWithSha256));
  return der(tag.sequence, info, algorithm, der(tag.bitString, Buffer.of(0), signature));
}

/** As `createCsr`, PEM. */
export function createCsrPem(keyPem: string): string {
  const lines =
    Buffer.from(createCsr(keyPem))
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** Does the leaf of this chain certify the public half of this key? */
export function isCertificateOf(chainPem: string, keyPem: string): boolean {
  return createPublicKey(createPrivateKey(keyPem)).equals(new X509Certificate(chainPem).publicKey);
}

/** SHA-256 of a certificate's DER, lower-case hex: what an install command pins. */
export function certificateSha256(certificatePem: string): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex');
}

const tag = {
  integer: 0x02,
  bitString: 0x03,
  objectIdentifier: 0x06,
  sequence: 0x30,
  context0: 0xa0,
} as const;

/** 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex');

/** One tag, length and value. */
function der(tagByte: number, ...parts: Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const length = value.length < 0x80 ? Buffer.of(value.length) : longLength(value.length);
  return Buffer.concat([Buffer.of(tagByte), length, value]);
}

function longLength(length: number): Buffer {
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}
