import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readOrMakeCertificates } from './certificates.ts';

test('certificates are made once, name this machine, and the client is signed by the server', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'simkube-'));
  const made = await readOrMakeCertificates(dir);
  const server = new X509Certificate(made.serverCert);
  const client = new X509Certificate(made.clientCert);
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.ca && server.verify(server.publicKey)).toBe(true);
  expect(client.verify(server.publicKey) && client.checkIssued(server)).toBe(true);
  expect(client.subject).toBe('O=system:masters\nCN=simkube:admin');
  expect(client.checkPrivateKey(createPrivateKey(made.clientKey))).toBe(true);
  expect(await readOrMakeCertificates(dir)).toEqual(made);
  await writeFile(join(dir, 'apiserver.crt'), 'half');
  expect((await readOrMakeCertificates(dir)).serverCert).not.toBe(made.serverCert);
  await rm(dir, { recursive: true });
});
