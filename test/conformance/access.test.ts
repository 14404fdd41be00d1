/** Who may do what: tokens, impersonation, RBAC, and the words of a refusal. */
import { describe, expect, test } from 'vitest';
import { eventually } from '@flotilla/testkit/eventually';
import type { Json } from './src/json.ts';
import { openKube } from './src/kube.ts';
import { configMap } from './src/objects.ts';

const kube = openKube('access');
const rbac = { apiGroup: 'rbac.authorization.k8s.io' };
const rbacVersion = { apiVersion: 'rbac.authorization.k8s.io/v1' };

async function grant(name: string, subject: Json, rules: Json[]): Promise<void> {
  await kube.create('roles', { ...rbacVersion, kind: 'Role', metadata: { name }, rules });
  await kube.create('rolebindings', {
    ...rbacVersion,
    kind: 'RoleBinding',
    metadata: { name },
    subjects: [subject],
    roleRef: { ...rbac, kind: 'Role', name },
  });
}

/** A new ServiceAccount's. */
async function tokenOf(name: string, spec: Json = {}): Promise<Json> {
  await kube.create('serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  return (await kube.done(kube.post(kube.at('serviceaccounts', name, 'token'), request))).status;
}

function user(name: string): Json {
  return { ...rbac, kind: 'User', name };
}

const readConfigMaps = { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] };

/** RBAC is told by a watch of its own: a moment may pass. */
async function untilAllowed(path: string, as: string): Promise<void> {
  await eventually(`${as} may read ${path}`, async () => {
    const { status, body } = await kube.get(path, { as });
    return status === 200 || ([false, body] as const);
  });
}

describe('who asks', () => {
  test('a token that nobody gave out is a 401', async () => {
    const { status, body } = await kube.get(kube.at('configmaps'), { token: 'nonsense' });
    expect(status).toBe(401);
    expect(body).toMatchObject({
      kind: 'Status',
      reason: 'Unauthorized',
      message: 'Unauthorized',
      code: 401,
    });
  });

  test('without a token one is anonymous, and may not read', async () => {
    const { status, body } = await kube.get(kube.at('configmaps'), { token: null });
    expect(status).toBe(403);
    expect(body.message).toContain('User "system:anonymous" cannot list resource "configmaps"');
  });

  test('SelfSubjectReview tells who one is', async () => {
    const { status } = await kube.done(
      kube.post(
        '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
        { as: 'jane', groups: ['team'] },
      ),
    );
    expect(status.userInfo.username).toBe('jane');
    expect(status.userInfo.groups).toEqual(['team', 'system:authenticated']);
  });

  test('a token of a ServiceAccount is that account, and only it', async () => {
    const { token, expirationTimestamp } = await tokenOf('robot', { expirationSeconds: 600 });
    expect(Date.parse(expirationTimestamp)).toBeGreaterThan(Date.now());
    const { body } = await kube.get(kube.at('configmaps'), { token });
    expect(body.message).toContain(`User "system:serviceaccount:${kube.namespace}:robot" cannot list`);
  });
});

describe('what is refused', () => {
  test('in a namespace: the 403 says who, what and where', async () => {
    const { status, body } = await kube.get(kube.at('configmaps'), { as: 'stranger' });
    expect(status).toBe(403);
    expect(body).toMatchObject({
      reason: 'Forbidden',
      message: `configmaps is forbidden: User "stranger" cannot list resource "configmaps" in API group "" in the namespace "${kube.namespace}"`,
      details: { kind: 'configmaps' },
    });
  });

  test('of one object: the 403 names it', async () => {
    const { body } = await kube.get(kube.at('deployments', 'web'), { as: 'stranger' });
    expect(body.message).toBe(
      `deployments.apps "web" is forbidden: User "stranger" cannot get resource "deployments" in API group "apps" in the namespace "${kube.namespace}"`,
    );
    expect(body.details).toEqual({ name: 'web', group: 'apps', kind: 'deployments' });
  });

  test('of the cluster: the 403 says at the cluster scope', async () => {
    const { body } = await kube.get('/api/v1/nodes', { as: 'stranger' });
    expect(body.message).toBe(
      'nodes is forbidden: User "stranger" cannot list resource "nodes" in API group "" at the cluster scope',
    );
  });

  test('impersonation by who may not', async () => {
    await grant('no-impersonation', user('plain'), [readConfigMaps]);
    const { token } = await tokenOf('mask');
    const refused = await kube.get(kube.at('configmaps'), { token, as: 'jane' });
    expect(refused.status).toBe(403);
    expect(refused.body.message).toContain(`${kube.namespace}:mask" cannot impersonate`);
  });
});

describe('what is granted', () => {
  test('by a Role: its verbs in its namespace, and no more', async () => {
    await grant('reader', user('reader'), [readConfigMaps]);
    await untilAllowed(kube.at('configmaps'), 'reader');
    const made = await kube.post(kube.at('configmaps'), configMap('by-reader'), { as: 'reader' });
    expect(made.status).toBe(403);
    expect((await kube.get('/api/v1/configmaps', { as: 'reader' })).status).toBe(403);
  });

  test('to a group', async () => {
    await grant('team', { ...rbac, kind: 'Group', name: 'readers' }, [readConfigMaps]);
    await kube.until('the grant', kube.at('rolebindings', 'team'), ({ metadata }) => metadata?.uid);
    await eventually('a reader may list', async () => {
      const { status } = await kube.get(kube.at('configmaps'), { as: 'joe', groups: ['readers'] });
      return status === 200;
    });
  });

  test('for named objects only', async () => {
    await kube.create('configmaps', configMap('named'));
    await kube.create('configmaps', configMap('unnamed'));
    await grant('one-name', user('namer'), [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['named'], verbs: ['get'] },
    ]);
    await untilAllowed(kube.at('configmaps', 'named'), 'namer');
    expect((await kube.get(kube.at('configmaps', 'unnamed'), { as: 'namer' })).status).toBe(403);
  });

  test('by a ClusterRoleBinding: everywhere', async () => {
    const name = kube.named('everywhere');
    const path = '/apis/rbac.authorization.k8s.io/v1';
    await kube.done(
      kube.post(`${path}/clusterroles`, {
        ...rbacVersion,
        kind: 'ClusterRole',
        metadata: { name },
        rules: [readConfigMaps],
      }),
    );
    await kube.done(
      kube.post(`${path}/clusterrolebindings`, {
        ...rbacVersion,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        subjects: [user(name)],
        roleRef: { ...rbac, kind: 'ClusterRole', name },
      }),
    );
    await untilAllowed('/api/v1/configmaps', name);
    await kube.done(kube.delete(`${path}/clusterrolebindings/${name}`));
    await kube.done(kube.delete(`${path}/clusterroles/${name}`));
  });

  test.each([
    ['list', true],
    ['delete', false],
  ])('SubjectAccessReview and SelfSubjectAccessReview tell: %s → %s', async (verb, allowed) => {
    const asker = `asked-${verb}`;
    await grant(asker, user(asker), [readConfigMaps]);
    await untilAllowed(kube.at('configmaps'), asker);
    const resourceAttributes = { namespace: kube.namespace, verb, resource: 'configmaps' };
    const review = (kind: string, spec: Json, options = {}) =>
      kube.done(
        kube.post(
          `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
          { apiVersion: 'authorization.k8s.io/v1', kind, spec: { resourceAttributes, ...spec } },
          options,
        ),
      );
    expect((await review('SubjectAccessReview', { user: asker })).status.allowed).toBe(allowed);
    expect((await review('SelfSubjectAccessReview', {}, { as: asker })).status.allowed).toBe(allowed);
  });
});
