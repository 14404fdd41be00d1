/** Questions of who somebody is and what they may do, and tokens for service accounts: nothing is stored. */
import { issueToken } from './identity.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { notFound } from './apiError.ts';
import { isoOf } from '../timestamp.ts';
import { mayDo, rulesFor } from './rbac.ts';
import type { ObjectKey } from './store.ts';

interface ReviewBody {
  apiVersion?: string;
  kind?: string;
  metadata?: object;
  spec?: {
    user?: string;
    groups?: string[];
    namespace?: string;
    audiences?: string[];
    expirationSeconds?: number;
    resourceAttributes?: {
      verb?: string;
      group?: string;
      resource?: string;
      subresource?: string;
      namespace?: string;
      name?: string;
    };
    nonResourceAttributes?: { path?: string; verb?: string };
  };
}

export function isReview({ info }: Exchange): boolean {
  return /^(authorization|authentication)\.k8s\.io$/.test(info.group) && info.resource.endsWith('reviews');
}

export async function answerReview(exchange: Exchange): Promise<void> {
  const body = (exchange.body ?? {}) as ReviewBody;
  const status = statusFor(exchange, body.spec ?? {});
  await answerJson(exchange, 201, { ...body, metadata: body.metadata ?? {}, status });
}

function statusFor(exchange: Exchange, spec: NonNullable<ReviewBody['spec']>): object {
  const { user, info, cluster } = exchange;
  switch (info.resource) {
    case 'selfsubjectreviews':
      return { userInfo: { username: user.name, groups: user.groups } };
    case 'selfsubjectrulesreviews': {
      const rules = user.groups.includes('system:masters')
        ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]
        : rulesFor(cluster.store, user, spec.namespace ?? '');
      return { resourceRules: rules, nonResourceRules: [], incomplete: false };
    }
    case 'tokenreviews':
      return { authenticated: false, user: {} };
    default: {
      const who =
        info.resource === 'selfsubjectaccessreviews'
          ? user
          : { name: spec.user ?? '', groups: [...(spec.groups ?? []), 'system:authenticated'] };
      const allowed = mayDo(cluster.store, who, attributesOf(spec));
      return allowed ? { allowed, reason: '' } : { allowed };
    }
  }
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: NonNullable<ReviewBody['spec']>) {
  const asked = resourceAttributes ?? {};
  return {
    verb: asked.verb ?? nonResourceAttributes?.verb ?? '',
    group: asked.group ?? '',
    resource: asked.resource ?? '',
    subresource: asked.subresource ?? '',
    namespace: asked.namespace ?? '',
    name: asked.name ?? '',
    ...(nonResourceAttributes ? { path: nonResourceAttributes.path ?? '' } : {}),
  };
}

const tokenSecondsDefault = 3_600;

export async function answerTokenRequest(exchange: Exchange, key: ObjectKey): Promise<void> {
  const { store, credentials } = exchange.cluster;
  const account = store.get(key);
  if (account === undefined) throw notFound(key.resource, key.name);
  const body = (exchange.body ?? {}) as ReviewBody;
  const seconds = body.spec?.expirationSeconds ?? tokenSecondsDefault;
  const expiresMs = store.clock.now() + seconds * 1_000;
  const token = issueToken(credentials.tokenKey, {
    iss: 'https://kubernetes.default.svc',
    sub: `system:serviceaccount:${key.namespace}:${key.name}`,
    aud: body.spec?.audiences ?? ['https://kubernetes.default.svc'],
    exp: Math.floor(expiresMs / 1_000),
    'kubernetes.io': {
      namespace: key.namespace,
      serviceaccount: { name: key.name, uid: account.metadata.uid },
    },
  });
  await answerJson(exchange, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: key.name, namespace: key.namespace, creationTimestamp: isoOf(store.clock.now()) },
    spec: { ...body.spec, expirationSeconds: seconds },
    status: { token, expirationTimestamp: isoOf(expiresMs) },
  });
}
