/** Who asks: by client certificate, by a token of the cluster's own, or as whom they may act. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ApiError, forbidden } from './apiError.ts';
import { mayDo } from './rbac.ts';
import type { Store } from './store.ts';

export interface User {
  name: string;
  groups: string[];
}

export interface Credentials {
  /** Of the administrator. */
  adminToken: string;
  /** Signs the tokens of service accounts. */
  tokenKey: Buffer;
}

const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
export const adminUser = 'simkube:admin';

export function userOf(store: Store, credentials: Credentials, request: IncomingMessage): User {
  const user = authenticated(store, credentials, request);
  const wanted = request.headers['impersonate-user'];
  return typeof wanted === 'string' ? impersonated(store, user, wanted, request) : user;
}

function authenticated(store: Store, credentials: Credentials, request: IncomingMessage): User {
  const socket = request.socket as TLSSocket;
  if (socket.authorized) {
    const { CN, O } = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] };
    const groups = O === undefined ? [] : [O].flat();
    if (CN) return { name: CN, groups: [...groups, 'system:authenticated'] };
  }
  const header = request.headers.authorization;
  if (header === undefined) return anonymous;
  const token = header.replace(/^Bearer /i, '');
  if (same(token, credentials.adminToken))
    return { name: adminUser, groups: ['system:masters', 'system:authenticated'] };
  const subject = subjectOf(credentials.tokenKey, token, store.clock.now());
  if (subject === undefined) throw new ApiError(401, 'Unauthorized', 'Unauthorized');
  return serviceAccount(subject);
}

function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** `subject` is `system:serviceaccount:NAMESPACE:NAME`. */
function serviceAccount(subject: string): User {
  const namespace = subject.split(':')[2] ?? '';
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { name: subject, groups };
}

function impersonated(store: Store, user: User, wanted: string, request: IncomingMessage): User {
  const [, kind, namespace = '', name = ''] = wanted.split(':');
  const isAccount = wanted.startsWith('system:serviceaccount:') && kind === 'serviceaccount';
  const attributes = isAccount
    ? { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace, name }
    : { verb: 'impersonate', group: '', resource: 'users', namespace: '', name: wanted };
  if (!mayDo(store, user, { ...attributes, subresource: '' })) {
    const type = { group: '', plural: attributes.resource };
    const where = isAccount ? ` in the namespace "${namespace}"` : ' at the cluster scope';
    const why = `User "${user.name}" cannot impersonate resource "${attributes.resource}" in API group ""${where}`;
    throw forbidden(type, isAccount ? name : wanted, why);
  }
  if (isAccount) return serviceAccount(wanted);
  const groups = [request.headers['impersonate-group'] ?? []].flat();
  return { name: wanted, groups: [...new Set([...groups, 'system:authenticated'])] };
}

/** A token of a service account, as TokenRequest gives it out. */
export function issueToken(key: Buffer, claims: Record<string, unknown>): string {
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return [...parts, signatureOf(key, parts.join('.'))].join('.');
}

function subjectOf(key: Buffer, token: string, nowMs: number): string | undefined {
  const [head = '', body = '', signature = ''] = token.split('.');
  if (!same(signature, signatureOf(key, `${head}.${body}`))) return undefined;
  const { sub, exp } = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as {
    sub: string;
    exp: number;
  };
  return exp * 1_000 > nowMs ? sub : undefined;
}

function signatureOf(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}
