/** A CA and two certificates (P-256) for raw gRPC over mTLS: the same handshake as between agent and hub. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface RawPair {
  keyPem: string;
  chainPem: string;
}

export interface RawAuthority {
  caPem: string;
  server: RawPair;
  client: RawPair;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

const generate = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
const life = () => ({ notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + dayMs) });

export async function createRawAuthority(): Promise<RawAuthority> {
  const keys = await generate();
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=raw floor',
    keys,
    signingAlgorithm: algorithm,
    ...life(),
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  const sign = async (usage: string): Promise<RawPair> => {
    const pair = await generate();
    const leaf = await X509CertificateGenerator.create({
      subject: 'CN=raw peer',
      issuer: root.subject,
      publicKey: pair.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      ...life(),
      extensions: [
        new ExtendedKeyUsageExtension([usage]),
        new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
      ],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey)).toString('base64');
    return {
      keyPem: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
      chainPem: leaf.toString('pem'),
    };
  };
  return { caPem: root.toString('pem'), server: await sign(serverAuth), client: await sign(clientAuth) };
}
