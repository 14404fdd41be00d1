import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const DATABASE_URL = 'postgresql://localhost/flotilla';

test('defaults are those of a hub on this machine', () => {
  const config = loadConfig({ DATABASE_URL });
  expect(config).toMatchObject({
    roles: ['api', 'agents', 'worker'],
    databaseDirectUrl: DATABASE_URL,
    http: { host: '127.0.0.1', port: 8443 },
    httpTls: true,
    redisUrl: null,
  });
});

test('addresses may leave the host out and may be of IPv6', () => {
  expect(loadConfig({ DATABASE_URL, HUB_HTTP_LISTEN: ':0' }).http).toEqual({ host: '0.0.0.0', port: 0 });
  expect(loadConfig({ DATABASE_URL, HUB_HTTP_LISTEN: '[::1]:9' }).http).toEqual({ host: '::1', port: 9 });
});

test.each([
  ['DATABASE_URL', {}],
  ['DATABASE_URL', { DATABASE_URL: 'mysql://x' }],
  ['HUB_ROLES', { DATABASE_URL, HUB_ROLES: 'api,cook' }],
  ['HUB_HTTP_LISTEN', { DATABASE_URL, HUB_HTTP_LISTEN: '8443' }],
  ['HUB_GRPC_LISTEN', { DATABASE_URL, HUB_GRPC_LISTEN: 'host:99999' }],
  ['HUB_HTTP_TLS', { DATABASE_URL, HUB_HTTP_TLS: 'maybe' }],
  ['HUB_GRPC_PUBLIC_URL', { DATABASE_URL, HUB_GRPC_PUBLIC_URL: 'http://x' }],
  ['HUB_TRUSTED_PROXIES', { DATABASE_URL, HUB_TRUSTED_PROXIES: 'proxy.example' }],
  ['REDIS_URL', { DATABASE_URL, REDIS_URL: 'localhost:6379' }],
])('a bad %s is named', (variable, env) => {
  expect(() => loadConfig(env)).toThrow(ConfigError);
  expect(() => loadConfig(env)).toThrow(expect.objectContaining({ variable }));
});
