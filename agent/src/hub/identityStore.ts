/** The identity in the agent's own Secret: whole after every write, since one write holds all of it. */
import type { AgentSecret, SecretField } from '../state/secrets.ts';
import type { Identity, Membership } from './identity.ts';

export interface IdentityStore {
  /** Null where there is no key yet. */
  read(): Identity | null;
  /** Resolves once it is in the cluster. */
  write(identity: Identity): Promise<void>;
  /** Reads what another pod of this agent may have written. */
  reload(): Promise<void>;
}

export function secretIdentityStore(secret: AgentSecret): IdentityStore {
  return {
    read: () => read(secret),
    write: (identity) => secret.update(fieldsOf(identity)),
    reload: () => secret.reload(),
  };
}

function read(secret: AgentSecret): Identity | null {
  const keyPem = secret.get('key');
  if (keyPem === null) return null;
  const certificates = secret.get('trust-bundle');
  return {
    keyPem,
    chainPem: secret.get('certificate'),
    nextKeyPem: secret.get('next-key'),
    previousKeyPem: secret.get('previous-key'),
    membership: readMembership(secret),
    trustBundle:
      certificates === null
        ? null
        : { version: Number(secret.get('trust-bundle-version') ?? 0), certificates: splitPem(certificates) },
  };
}

function readMembership(secret: AgentSecret): Membership | null {
  const clusterId = secret.get('cluster-id');
  const hubId = secret.get('hub-id');
  const grpcUrl = secret.get('grpc-url');
  if (clusterId === null || hubId === null || grpcUrl === null) return null;
  return { clusterId, hubId, grpcUrl };
}

function fieldsOf(identity: Identity): Partial<Record<SecretField, string | null>> {
  return {
    key: identity.keyPem,
    'next-key': identity.nextKeyPem,
    'previous-key': identity.previousKeyPem,
    certificate: identity.chainPem,
    'trust-bundle': identity.trustBundle?.certificates.join('\n') ?? null,
    'trust-bundle-version': identity.trustBundle === null ? null : String(identity.trustBundle.version),
    'cluster-id': identity.membership?.clusterId ?? null,
    'hub-id': identity.membership?.hubId ?? null,
    'grpc-url': identity.membership?.grpcUrl ?? null,
  };
}

function splitPem(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
}
