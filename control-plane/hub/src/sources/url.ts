/**
 * Which repository URLs the hub connects to. Whoever may create a repository chooses an address that the hub's own
 * network position then reaches, so the rules are closed: https only, no credentials or control characters in the
 * URL, and plain http or a private address only for hosts the operator has listed (`HUB_SOURCES_ALLOW`).
 * The address a name resolves to is checked again at connect time (git/connect.ts).
 */
import { isIP } from 'node:net';

import ipaddr from 'ipaddr.js';

export type UrlVerdict = { ok: true; url: URL } | { ok: false; reason: string };

const urlCharactersMax = 2048;

/** Checks a URL as a person typed it, or as a server redirected to. `allow` holds lower-case hosts, with or without port. */
export function checkRepositoryUrl(text: string, allow: readonly string[]): UrlVerdict {
  const malformed = checkText(text);
  if (malformed !== null) return { ok: false, reason: malformed };
  const url = URL.parse(text);
  if (url === null) return { ok: false, reason: 'the URL cannot be parsed' };
  if (url.username !== '' || url.password !== '') {
    return { ok: false, reason: 'the URL must not hold credentials: use the credential field' };
  }
  if (url.search !== '' || url.hash !== '') {
    return { ok: false, reason: 'the URL must not hold a query or a fragment' };
  }
  return checkTarget(url, allow);
}

function checkText(text: string): string | null {
  if (text.length === 0 || text.length > urlCharactersMax)
    return `the URL must have 1 to ${urlCharactersMax} characters`;
  if (text.startsWith('-')) return "the URL must not start with '-'";
  if (/[\u0000-\u0020\u007f-\u00a0\\]/.test(text)) {
    return 'the URL must not hold blanks, backslashes or control characters';
  }
  return null;
}

/** Scheme and host of a URL that is about to be connected to; also each step of a redirect. */
export function checkTarget(url: URL, allow: readonly string[]): UrlVerdict {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return {
      ok: false,
      reason: `the scheme '${url.protocol.replace(/:$/, '')}' is not supported: use https`,
    };
  }
  if (isAllowedHost(url, allow)) return { ok: true, url };
  if (url.protocol === 'http:') {
    return { ok: false, reason: 'plain http is refused: use https, or list the host in HUB_SOURCES_ALLOW' };
  }
  const host = bareHost(url);
  if (isIP(host) !== 0 && !isPublicAddress(host)) {
    return { ok: false, reason: 'the URL names a private address: list the host in HUB_SOURCES_ALLOW' };
  }
  if (host === 'localhost' || host.endsWith('.localhost')) {
    return { ok: false, reason: 'the URL names this machine: list the host in HUB_SOURCES_ALLOW' };
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
