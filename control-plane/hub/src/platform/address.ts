/**
 * Which addresses the hub connects to on somebody's word. Whoever may name one would reach whatever the hub's own network
 * position reaches, so the rules are closed: https to public addresses, and plain http or a private address only for hosts
 * the operator has listed. The address a name resolves to is checked again at connect time (outbound.ts).
 */
import { isIP } from 'node:net';

import ipaddr from 'ipaddr.js';

export type UrlVerdict = { ok: true; url: URL } | { ok: false; reason: string };

/** Where the operator lists hosts that gates of rollouts may ask. */
export const gatesAllowSetting = 'HUB_GATES_ALLOW';

/**
 * Scheme and host of a URL that is about to be connected to; also each step of a redirect. `allow` holds lower-case hosts,
 * with or without port; `setting` is where the operator lists them.
 */
export function checkTarget(url: URL, allow: readonly string[], setting: string): UrlVerdict {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return {
      ok: false,
      reason: `the scheme '${url.protocol.replace(/:$/, '')}' is not supported: use https`,
    };
  }
  if (isAllowedHost(url, allow)) return { ok: true, url };
  if (url.protocol === 'http:') {
    return { ok: false, reason: `plain http is refused: use https, or list the host in ${setting}` };
  }
  const host = bareHost(url);
  if (isIP(host) !== 0 && !isPublicAddress(host)) {
    return { ok: false, reason: `the URL names a private address: list the host in ${setting}` };
  }
  if (host === 'localhost' || host.endsWith('.localhost')) {
    return { ok: false, reason: `the URL names this machine: list the host in ${setting}` };
  }
  return { ok: true, url };
}

/** True where the operator listed the host, as `host` or `host:port`. */
export function isAllowedHost(url: URL, allow: readonly string[]): boolean {
  const host = bareHost(url);
  return allow.some((entry) => entry === host || entry === url.host || entry === `${host}:${portOf(url)}`);
}

/** Host without the brackets of an IPv6 literal. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** Globally routable unicast. Everything else (loopback, link-local, private, mapped, translated) is not. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}

function portOf(url: URL): string {
  if (url.port !== '') return url.port;
  return url.protocol === 'https:' ? '443' : '80';
}
