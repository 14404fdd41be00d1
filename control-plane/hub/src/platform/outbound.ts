/**
 * The only way from what people name to the network: an undici dispatcher that looks at the address it is about to connect
 * to, so that a name which resolves to a private address later than it was checked (rebinding) is refused as well.
 */
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';

import { Agent } from 'undici';

import { isPublicAddress } from './address.ts';

/** A connection the rules do not allow. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly host: string;
  constructor(host: string, setting: string) {
    super(`the host '${host}' is at a private address: list it in ${setting}`);
    this.host = host;
  }
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
        return callback(new AddressRefused(host, setting), []);
      }
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? '', first?.family);
    });
  };
}

/** For literals, which are connected to without a lookup. */
export function refuseLiteral(host: string, listed: boolean, setting: string): void {
  if (!listed && isIP(host) !== 0 && !isPublicAddress(host)) throw new AddressRefused(host, setting);
}
