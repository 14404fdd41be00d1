/** The signing request that is written by hand is one that others read. */
import 'reflect-metadata';
import { createPublicKey } from 'node:crypto';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { expect, test } from 'vitest';
import { createCsr, createCsrPem, generateKey } from './keys.ts';

test('a signing request carries the key and its signature verifies', async () => {
  const keyPem = await generateKey();
  for (const csr of [
    new Pkcs10CertificateRequest(createCsrPem(keyPem)),
    new Pkcs10CertificateRequest(copy(keyPem)),
  ]) {
    expect(await csr.verify()).toBe(true);
    const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
    expect(Buffer.from(csr.publicKey.rawData).equals(spki)).toBe(true);
  }
});

function copy(keyPem: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createCsr(keyPem));
}
