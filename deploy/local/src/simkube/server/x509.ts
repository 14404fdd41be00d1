/** X.509 certificates over P-256 keys, written in DER by hand: the little that a simulated cluster needs of them. */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface CertificateRequest {
  subject: { commonName: string; organization?: string };
  issuer: { commonName: string; organization?: string };
  /** Key of the subject; private, its public half is certified. */
  key: KeyObject;
  issuerKey: KeyObject;
  isAuthority: boolean;
  notBeforeMs: number;
  notAfterMs: number;
}

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** In PEM. */
export function makeCertificate(request: CertificateRequest): string {
  const signatureAlgorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const publicKey = createPublicKey(request.key).export({ type: 'spki', format: 'der' });
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)]);
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    signatureAlgorithm,
    nameOf(request.issuer),
    sequence(timeOf(request.notBeforeMs), timeOf(request.notAfterMs)),
    nameOf(request.subject),
    publicKey,
    tagged(0xa3, sequence(...extensionsOf(request.isAuthority))),
  );
  const signature = sign('sha256', body, request.issuerKey);
  const bits = tagged(0x03, Buffer.concat([Buffer.from([0]), signature]));
  const der = sequence(body, signatureAlgorithm, bits).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${(der.match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** An authority is also the server on loopback; all else is a client. */
function extensionsOf(isAuthority: boolean): Buffer[] {
  const critical = tagged(0x01, Buffer.from([0xff]));
  if (!isAuthority) {
    const clientAuth = sequence(oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02));
    return [sequence(oid(0x55, 0x1d, 0x25), tagged(0x04, clientAuth))];
  }
  const basic = sequence(critical);
  const addresses = sequence(
    tagged(0x87, Buffer.from([127, 0, 0, 1])),
    tagged(0x82, Buffer.from('localhost')),
  );
  return [
    sequence(oid(0x55, 0x1d, 0x13), critical, tagged(0x04, basic)),
    sequence(oid(0x55, 0x1d, 0x11), tagged(0x04, addresses)),
  ];
}

function nameOf({ commonName, organization }: CertificateRequest['subject']): Buffer {
  const part = (last: number, text: string) =>
    tagged(0x31, sequence(oid(0x55, 0x04, last), tagged(0x0c, Buffer.from(text))));
  return sequence(...(organization ? [part(0x0a, organization)] : []), part(0x03, commonName));
}

/** GeneralizedTime from 2050 on, UTCTime before, as RFC 5280 has it. */
function timeOf(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  if (Number(digits.slice(0, 4)) >= 2050) return tagged(0x18, Buffer.from(`${digits}Z`));
  return tagged(0x17, Buffer.from(`${digits.slice(2)}Z`));
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function oid(...bytes: number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
