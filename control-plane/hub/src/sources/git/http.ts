/**
 * The HTTP client that isomorphic-git is given. It bounds what a server may send, follows redirects itself (each step
 * is checked like the first URL, and another host never sees the credential), and looks through every pack before it
 * is parsed, so that no size a server invents is ever allocated.
 */
import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git';
import { request as send, type Agent } from 'undici';

import { isAllowedHost } from '../../platform/address.ts';
import {
  makeDispatcher,
  OutboundRefused,
  readBounded,
  requireTarget,
  type ConnectOptions,
} from '../../platform/outbound.ts';
import { sourcesAllowSetting } from '../url.ts';
import { withHead } from './advertisement.ts';
import { splitAnswer, type PackLimits } from './pack.ts';
import { unpack, type UnpackedPack } from './unpack.ts';

export interface GitHttpLimits extends ConnectOptions, PackLimits {
  /** Of one response, as it comes over the wire. */
  responseBytesMax: number;
  redirectsMax: number;
}

export const gitHttpDefaults: GitHttpLimits = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  bodyTimeoutMs: 30_000,
  responseBytesMax: 256 << 20,
  redirectsMax: 5,
  objectBytesMax: 16 << 20,
  packBytesMax: 512 << 20,
  objectsMax: 500_000,
};

interface Hop {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: Buffer | null;
}

/** Keeps a pack that was unpacked, so that the Git library is not given it. */
export type TakePack = (pack: Buffer, unpacked: UnpackedPack) => Promise<void>;

/** One client for one operation on one repository; `close` ends its connections. */
export function gitHttp(
  allow: readonly string[],
  limits: GitHttpLimits,
  signal: AbortSignal,
  takePack: TakePack | null = null,
): HttpClient & { close: () => Promise<void> } {
  const listed = makeDispatcher(true, limits, sourcesAllowSetting);
  const open = makeDispatcher(false, limits, sourcesAllowSetting);
  const dispatcherFor = (url: URL): Agent => (isAllowedHost(url, allow) ? listed : open);

  /** Answers to `info/refs` of the first version: what was listed is what is fetched from, without asking again. */
  const discovered = new Map<string, { response: GitHttpResponse; body: Buffer }>();

  async function request(wanted: GitHttpRequest): Promise<GitHttpResponse> {
    const isDiscovery = (wanted.method ?? 'GET') === 'GET' && wanted.headers?.['Git-Protocol'] === undefined;
    const known = isDiscovery ? discovered.get(wanted.url) : undefined;
    if (known !== undefined) return { ...known.response, body: once(known.body) };
    const { response, body: raw } = await exchange(wanted);
    const body = isDiscovery ? withHead(raw) : raw;
    if (isDiscovery && response.statusCode === 200) discovered.set(wanted.url, { response, body });
    return { ...response, body: once(body) };
  }

  async function exchange(wanted: GitHttpRequest): Promise<{ response: GitHttpResponse; body: Buffer }> {
    let hop = await firstHop(wanted);
    for (let redirects = 0; redirects <= limits.redirectsMax; redirects++) {
      const response = await sendHop(hop, allow, dispatcherFor(hop.url), signal);
      const location = redirectOf(response.statusCode, response.headers['location']);
      if (location === null) {
        const collected = await collectResponse(hop, response, limits);
        if (hop.method !== 'POST' || response.statusCode !== 200) return collected;
        return { ...collected, body: await checkedAnswer(collected.body, limits, takePack) };
      }
      await response.body.dump();
      hop = nextHop(hop, location);
    }
    throw new OutboundRefused(`more than ${limits.redirectsMax} redirects`);
  }
  return {
    request,
    close: async () => {
      await Promise.all([listed.destroy(), open.destroy()]);
    },
  };
}

async function firstHop(wanted: GitHttpRequest): Promise<Hop> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(wanted.headers ?? {})) headers[name.toLowerCase()] = value;
  return {
    method: wanted.method ?? 'GET',
    url: new URL(wanted.url),
    headers: { ...headers, 'accept-encoding': 'identity' },
    body: await collectBody(wanted.body),
  };
}

async function collectBody(body: GitHttpRequest['body']): Promise<Buffer | null> {
  if (body === undefined) return null;
  const parts: Uint8Array[] = [];
  for await (const part of body as AsyncIterable<Uint8Array>) parts.push(part);
  return Buffer.concat(parts);
}

function sendHop(
  hop: Hop,
  allow: readonly string[],
  dispatcher: Agent,
  signal: AbortSignal,
): ReturnType<typeof send> {
  requireTarget(hop.url, allow, sourcesAllowSetting);
  return send(hop.url, {
    method: hop.method as 'GET' | 'POST',
    headers: hop.headers,
    body: hop.body,
    dispatcher,
    signal,
  });
}

function redirectOf(status: number, location: string | string[] | undefined): string | null {
  if (status < 300 || status > 399) return null;
  if (typeof location !== 'string') throw new OutboundRefused(`a redirect (${status}) without a location`);
  return location;
}

/** The method stays: servers redirect a renamed repository for both requests. The credential stays with its origin. */
function nextHop(hop: Hop, location: string): Hop {
  const url = URL.parse(location, hop.url.href);
  if (url === null) throw new OutboundRefused('a redirect to something that is no URL');
  if (url.username !== '' || url.password !== '')
    throw new OutboundRefused('a redirect to a URL with credentials');
  const headers = { ...hop.headers };
  if (url.origin !== hop.url.origin) {
    delete headers['authorization'];
    delete headers['cookie'];
  }
  return { ...hop, url, headers };
}

async function collectResponse(
  hop: Hop,
  response: Awaited<ReturnType<typeof send>>,
  limits: GitHttpLimits,
): Promise<{ response: GitHttpResponse; body: Buffer }> {
  const body = await readBounded(response, limits.responseBytesMax);
  const { statusCode } = response;
  return {
    response: {
      url: hop.url.href,
      method: hop.method,
      statusCode,
      statusMessage: `HTTP ${statusCode}`,
      headers: flatHeaders(response.headers),
    },
    body,
  };
}

/** What the Git library is given of an answer: all of it, or the rest where its pack was taken. @throws PackRefused */
async function checkedAnswer(
  body: Buffer,
  limits: GitHttpLimits,
  takePack: TakePack | null,
): Promise<Buffer> {
  const { pack, others } = splitAnswer(body);
  if (pack.byteLength === 0) return body;
  const unpacked = unpack(pack, limits);
  if (takePack === null || unpacked === null || unpacked.objects.length === 0) return body;
  await takePack(pack, unpacked);
  return others;
}

async function* once(body: Buffer): AsyncIterableIterator<Uint8Array> {
  yield await Promise.resolve(body);
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
