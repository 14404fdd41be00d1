/**
 * The only way from what people name to the network: an undici dispatcher that looks at the address it is about to connect
 * to, so that a name which resolves to a private address later than it was checked (rebinding) is refused as well, and
 * answers that are bounded.
 */
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';

import { Agent, type Dispatcher } from 'undici';

import { checkTarget, isPublicAddress } from './address.ts';

/** A connection or an answer that the rules do not allow. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused';
}

export interface ConnectOptions {
  connectTimeoutMs: number;
  headersTimeoutMs: number;
  bodyTimeoutMs: number;
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** `listed`: connections for hosts the operator allows (in `setting`), to whatever address. Others reach public addresses only. */
export function makeDispatcher(listed: boolean, options: ConnectOptions, setting: string): Agent {
  return new Agent({
    connect: {
      timeout: options.connectTimeoutMs,
      ...(listed ? {} : { lookup: lookupPublic(setting) }),
    },
    headersTimeout: options.headersTimeoutMs,
    bodyTimeout: options.bodyTimeoutMs,
    pipelining: 1,
  });
}

/** `dns.lookup` that fails when any of a name's addresses is not public: a mixed answer is an attack or a mistake. */
function lookupPublic(setting: string) {
  return (host: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (addresses.length === 0 || !addresses.every((entry) => isPublicAddress(entry.address))) {
        const message = `the host '${host}' is at a private address: list it in ${setting}`;
        return callback(new OutboundRefused(message), []);
      }
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? '', first?.family);
    });
  };
}

/** Before each connection, also of a redirect: literal addresses are connected to without a lookup. @throws OutboundRefused */
export function requireTarget(url: URL, allow: readonly string[], setting: string): void {
  const verdict = checkTarget(url, allow, setting);
  if (!verdict.ok) throw new OutboundRefused(verdict.reason);
}

/** Of a request that accepts no encoding but `identity`. @throws OutboundRefused */
export async function readBounded(
  { body, headers }: Pick<Dispatcher.ResponseData, 'body' | 'headers'>,
  bytesMax: number,
): Promise<Buffer> {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw new OutboundRefused('the answer is compressed, which was not asked for');
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.byteLength;
    if (size > bytesMax) throw new OutboundRefused(`the answer has more than ${bytesMax} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
