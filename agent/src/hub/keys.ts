/**
 * The agent's own keys: P-256, made here, never sent. A cluster is bound to the public half, so a request to sign it
 * again may be repeated after any crash.
 */
import 'reflect-metadata';
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, X509Certificate } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A new private key, PKCS#8 PEM. */
export async function generateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A signing request over the key, DER. The hub reads nothing but the public key, so the subject says nothing. */
export async function createCsr(keyPem: string): Promise<Uint8Array> {
  return new Uint8Array((await signRequest(keyPem)).rawData);
}

/** As `createCsr`, PEM. */
export async function createCsrPem(keyPem: string): Promise<string> {
  return (await signRequest(keyPem)).toString('pem');
}

/** Does the leaf of this chain certify the public half of this key? */
export function isCertificateOf(chainPem: string, keyPem: string): boolean {
  return createPublicKey(createPrivateKey(keyPem)).equals(new X509Certificate(chainPem).publicKey);
}

/** SHA-256 of a certificate's DER, lower-case hex: what an install command pins. */
export function certificateSha256(certificatePem: string): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex');
}

async function signRequest(keyPem: string) {
  return Pkcs10CertificateRequestGenerator.create({
    name: 'CN=flotilla-agent',
    keys: await importPair(keyPem),
    signingAlgorithm: algorithm,
  });
}

async function importPair(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = createPrivateKey(keyPem);
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: await crypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
}
