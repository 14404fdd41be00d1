/** The few forms of DER that a certificate needs: tag, length, value. */

export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context3: 0xa3,
} as const;

export function der(tagByte: number, ...parts: Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tagByte), lengthOf(value.length), value]);
}

/** Seconds; two digits of the year before 2050, as RFC 5280 has it. */
export function derTime(at: Date): Buffer {
  const digits = `${at.toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`;
  return at.getUTCFullYear() < 2050
    ? der(tag.utcTime, Buffer.from(digits.slice(2)))
    : der(tag.generalizedTime, Buffer.from(digits));
}

/** A name of nothing but `CN`. */
export function derCommonName(name: string): Buffer {
  const attribute = der(
    tag.sequence,
    der(tag.objectIdentifier, commonName),
    der(tag.utf8String, Buffer.from(name)),
  );
  return der(tag.sequence, der(tag.set, attribute));
}

/** 2.5.4.3 */
const commonName = Buffer.from('550403', 'hex');

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}
