/** What an agent's environment may say, and that a mistake names its variable. */
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const good = { AGENT_HUB_URL: 'https://hub.example.com', KUBECONFIG: '/home/me/.kube/config' };

function variableOf(environment: Record<string, string>): string | null {
  try {
    readConfig(environment);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.variable;
    throw error;
  }
}

test('a hub and a cluster are enough', () => {
  expect(readConfig(good)).toMatchObject({
    hubCaSha256: null,
    namespace: 'flotilla-system',
    httpListen: { host: '127.0.0.1', port: 0 },
    kube: { kind: 'kubeconfig', file: '/home/me/.kube/config', context: null },
  });
});

test('in a pod the cluster is the one around it', () => {
  const pod = {
    AGENT_HUB_URL: good.AGENT_HUB_URL,
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    KUBERNETES_SERVICE_PORT: '443',
  };
  expect(readConfig(pod).kube).toEqual({ kind: 'inCluster', host: '10.0.0.1', port: '443' });
});

test('each mistake names its variable', () => {
  expect(variableOf({})).toBe('AGENT_HUB_URL');
  expect(variableOf({ ...good, AGENT_HUB_URL: 'hub' })).toBe('AGENT_HUB_URL');
  expect(variableOf({ ...good, AGENT_HUB_URL: 'http://hub.example.com' })).toBe('AGENT_HUB_URL');
  expect(variableOf({ ...good, AGENT_HUB_URL: 'https://me:secret@hub.example.com' })).toBe('AGENT_HUB_URL');
  expect(variableOf({ ...good, AGENT_HUB_CA_SHA256: 'abc' })).toBe('AGENT_HUB_CA_SHA256');
  expect(variableOf({ ...good, AGENT_NAMESPACE: 'Not_A_Name' })).toBe('AGENT_NAMESPACE');
  expect(variableOf({ ...good, AGENT_HTTP_LISTEN: '127.0.0.1' })).toBe('AGENT_HTTP_LISTEN');
  expect(variableOf({ ...good, AGENT_HTTP_LISTEN: '127.0.0.1:99999' })).toBe('AGENT_HTTP_LISTEN');
  expect(variableOf({ ...good, AGENT_LOG_LEVEL: 'loud' })).toBe('AGENT_LOG_LEVEL');
});

test('a fingerprint may be written with colons and prefix', () => {
  const pin = `sha256:${'AB:'.repeat(31)}AB`;
  expect(readConfig({ ...good, AGENT_HUB_CA_SHA256: pin }).hubCaSha256).toBe('ab'.repeat(32));
});

test('plain http is for a hub on this machine', () => {
  expect(readConfig({ ...good, AGENT_HUB_URL: 'http://127.0.0.1:8080' }).hubUrl.port).toBe('8080');
});
