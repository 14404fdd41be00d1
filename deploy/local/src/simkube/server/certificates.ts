/**
 * The certificates of a process of clusters: one that signs itself and is the server's as well as the CA of clients, and
 * an administrator's. Made once and kept in the folder.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority } from '../../certificates.ts';
import { adminUser } from './identity.ts';

export interface Certificates {
  caCert: string;
  serverCert: string;
  serverKey: string;
  clientCert: string;
  clientKey: string;
}

const files = {
  serverCert: 'apiserver.crt',
  serverKey: 'apiserver.key',
  clientCert: 'admin.crt',
  clientKey: 'admin.key',
};
const validityMs = 10 * 365 * 24 * 3_600_000;

export async function readOrMakeCertificates(dir: string): Promise<Certificates> {
  const known = await readCertificates(dir);
  if (known !== undefined) return known;
  const made = await makeCertificates();
  await writeCertificates(dir, made);
  return made;
}

async function readCertificates(dir: string): Promise<Certificates | undefined> {
  try {
    const entries = await Promise.all(
      Object.entries(files).map(async ([name, file]) => [name, await readFile(join(dir, file), 'utf8')]),
    );
    const found = Object.fromEntries(entries) as Omit<Certificates, 'caCert'>;
    const whole =
      Date.parse(new X509Certificate(found.serverCert).validTo) > Date.now() && found.clientKey !== '';
    return whole ? { ...found, caCert: found.serverCert } : undefined;
  } catch {
    return undefined;
  }
}

export async function writeCertificates(dir: string, certificates: Certificates): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const [name, file] of Object.entries(files))
    await writeFile(join(dir, file), certificates[name as keyof typeof files], { mode: 0o600 });
}

async function makeCertificates(): Promise<Certificates> {
  const server = await createAuthority('simkube', validityMs);
  const client = await server.sign(`O=system:masters,CN=${adminUser}`, 'client');
  return {
    caCert: server.cert,
    serverCert: server.cert,
    serverKey: server.key,
    clientCert: client.cert,
    clientKey: client.key,
  };
}
