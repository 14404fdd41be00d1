/**
 * The few HTTPS requests an agent makes: enrolment and the renewal of an expired certificate. Before there is a trust
 * bundle, the pinned hash of the install command is all it knows of the hub's CA: the certificate of that hash is taken
 * from the chain which the server shows, and then verified against like any root, so that names, dates and signatures
 * are checked by TLS itself. The system's roots are good as well, and loaded only where no pinned root does: they cost 10 MB.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import type { DetailedPeerCertificate } from 'node:tls';
import { Agent, request } from '../http.ts';

export interface HubAnswer {
  status: number;
  /** Parsed JSON, null where the answer is none. */
  body: unknown;
}

export interface HubTrust {
  /** SHA-256 of a CA certificate (DER), lower-case hex. */
  pinSha256: string | null;
  /** PEM roots of the trust bundle, empty before enrolment. */
  roots: string[];
}

/** No answer, or one that is not to be trusted: try again later. */
export class HubUnreachableError extends Error {
  override readonly name = 'HubUnreachableError';
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`no answer from the hub: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.url = url;
  }
}

const timeoutMs = 20_000;
const answerBytesMax = 1024 * 1024;

export async function postJson(
  url: URL,
  body: unknown,
  trust: HubTrust,
  signal: AbortSignal,
): Promise<HubAnswer> {
  try {
    return await post(url, JSON.stringify(body), trust, signal);
  } catch (cause) {
    if (signal.aborted) throw signal.reason as Error;
    throw new HubUnreachableError(url.href, cause);
  }
}

async function post(url: URL, body: string, trust: HubTrust, signal: AbortSignal): Promise<HubAnswer> {
  const ca = url.protocol === 'https:' ? await rootsFor(url, trust, signal) : [];
  const dispatcher = new Agent({ connect: { ca, timeout: timeoutMs }, maxResponseSize: answerBytesMax });
  try {
    const answer = await request(dispatcher, {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
      signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    return { status: answer.statusCode, body: parse(await answer.body.text()) };
  } finally {
    await dispatcher.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function rootsFor(url: URL, trust: HubTrust, signal: AbortSignal): Promise<string[]> {
  const pinned = trust.pinSha256 === null ? null : await findPinned(url, trust.pinSha256, signal);
  if (pinned?.isRoot === true) return [...trust.roots, pinned.pem];
  return [
    ...tls.getCACertificates('default'),
    ...tls.getCACertificates('system'),
    ...trust.roots,
    ...(pinned === null ? [] : [pinned.pem]),
  ];
}

interface Pinned {
  pem: string;
  /** Signed by itself: whatever it issued verifies by it alone. */
  isRoot: boolean;
}

/** The certificate of that hash in the server's own chain. Nothing is sent on this connection. */
function findPinned(url: URL, pinSha256: string, signal: AbortSignal): Promise<Pinned | null> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = tls.connect({
      host,
      port: Number(url.port || 443),
      rejectUnauthorized: false,
      ...(isIP(host) === 0 && { servername: host }),
    });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('the tls handshake took too long')));
    socket.once('error', reject);
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new Error('the connection was closed'));
    });
    socket.once('secureConnect', () => {
      resolve(findInChain(socket.getPeerCertificate(true), pinSha256));
      socket.destroy();
    });
  });
}

function findInChain(leaf: DetailedPeerCertificate, pinSha256: string): Pinned | null {
  const seen = new Set<string>();
  let certificate: DetailedPeerCertificate | undefined = leaf;
  while (certificate?.raw !== undefined && !seen.has(certificate.fingerprint256)) {
    seen.add(certificate.fingerprint256);
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    if (createHash('sha256').update(certificate.raw).digest('hex') === pinSha256)
      return {
        pem: toPem(certificate.raw),
        isRoot: issuer?.fingerprint256 === certificate.fingerprint256,
      };
    certificate = issuer;
  }
  return null;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
