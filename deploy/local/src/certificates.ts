/** Certificates over P-256 keys for servers on loopback and who calls them: one authority, and what it signs. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** In PEM. */
export interface Certified {
  cert: string;
  key: string;
}

export interface Authority extends Certified {
  /** `subject` as a distinguished name: `O=system:masters,CN=admin`. */
  sign: (subject: string, usage: keyof typeof usages) => Promise<Certified>;
}

const usages = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth };
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks need not agree to the second. */
const backdatedMs = 3_600_000;

/** Signs itself, and may serve on loopback as well. */
export async function createAuthority(name: string, validityMs: number): Promise<Authority> {
  const keys = await newKeys();
  const life = {
    notBefore: new Date(Date.now() - backdatedMs),
    notAfter: new Date(Date.now() + validityMs),
  };
  const signing = { signingAlgorithm: algorithm, ...life };
  const loopback = new SubjectAlternativeNameExtension([
    { type: 'ip', value: '127.0.0.1' },
    { type: 'dns', value: 'localhost' },
  ]);
  const root = await X509CertificateGenerator.createSelfSigned({
    ...signing,
    name: `CN=${name}`,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true), loopback],
  });
  return {
    cert: root.toString('pem'),
    key: await pemOf(keys),
    sign: async (subject, usage) => {
      const own = await newKeys();
      const leaf = await X509CertificateGenerator.create({
        ...signing,
        subject,
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new ExtendedKeyUsageExtension([usages[usage]]),
          ...(usage === 'server' ? [loopback] : []),
        ],
      });
      return { cert: leaf.toString('pem'), key: await pemOf(own) };
    },
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function pemOf({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${(pkcs8.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n`;
}
