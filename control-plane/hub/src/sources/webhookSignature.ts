/** Who sent a webhook, and about which repository. Pure; compares in constant time and over the raw bytes. */
import { createHmac, timingSafeEqual } from 'node:crypto';

import { z } from 'zod';

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** GitHub and generic senders (`X-Hub-Signature-256`), Gitea (`X-Gitea-Signature`), GitLab (`X-Gitlab-Token`, the secret itself). */
export function isSigned(secret: Uint8Array, headers: Headers, body: Uint8Array): boolean {
  const expected = createHmac('sha256', secret).update(body).digest();
  const hub = textOf(headers, 'x-hub-signature-256');
  if (hub !== null) return hub.startsWith('sha256=') && isHexOf(hub.slice('sha256='.length), expected);
  const gitea = textOf(headers, 'x-gitea-signature') ?? textOf(headers, 'x-gogs-signature');
  if (gitea !== null) return isHexOf(gitea, expected);
  const gitlab = textOf(headers, 'x-gitlab-token');
  return gitlab !== null && isEqual(Buffer.from(gitlab), secret);
}

/** The sender's id of this delivery; null where it gives none. */
export function deliveryIdOf(headers: Headers): string | null {
  for (const name of [
    'x-github-delivery',
    'x-gitea-delivery',
    'x-gogs-delivery',
    'x-gitlab-event-uuid',
    'x-delivery-id',
  ]) {
    const id = textOf(headers, name);
    if (id !== null && /^[\w.:-]{1,128}$/.test(id)) return id;
  }
  return null;
}

const name = z.string().max(2048).optional().catch(undefined);
const place = z.object({
  clone_url: name,
  git_http_url: name,
  html_url: name,
  http_url: name,
  full_name: name,
  path_with_namespace: name,
});
const payload = z.object({
  repository: place.optional().catch(undefined),
  project: place.optional().catch(undefined),
});

/**
 * False only where the payload names a repository that is another one: with one secret for many repositories, each
 * endpoint sees the pushes of all. A payload of an unknown form is about this one.
 */
export function isAbout(repositoryUrl: string, body: unknown): boolean {
  const parsed = payload.safeParse(body);
  if (!parsed.success) return true;
  const named = [parsed.data.repository, parsed.data.project].flatMap((at) =>
    at === undefined
      ? []
      : Object.values(at).filter((value): value is string => value !== undefined && value !== ''),
  );
  const ours = lastSegments(repositoryUrl);
  return named.length === 0 || named.some((value) => lastSegments(value) === ours);
}

/** `owner/name`, the part of a URL that no proxy or alias changes. */
function lastSegments(urlOrPath: string): string {
  const path = URL.canParse(urlOrPath) ? new URL(urlOrPath).pathname : urlOrPath;
  const segments = path.split('/').filter((segment) => segment !== '');
  return segments
    .slice(-2)
    .join('/')
    .replace(/\.git$/i, '')
    .toLowerCase();
}

function isHexOf(text: string, expected: Uint8Array): boolean {
  return /^[0-9a-f]{64}$/i.test(text) && isEqual(Buffer.from(text, 'hex'), expected);
}

/** Lengths are no secret; contents are compared in constant time. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

function textOf(headers: Headers, header: string): string | null {
  const value = headers[header];
  return typeof value === 'string' && value !== '' ? value : null;
}
