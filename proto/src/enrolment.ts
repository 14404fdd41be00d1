/**
 * Enrolment and renewal over HTTPS: the JSON that agent and hub exchange before there is a stream.
 * `POST /api/v1/agents/enroll` answers 200 with an Enrolment, or 202 with Pending while a person has to approve;
 * `POST /api/v1/agents/renew` answers 200 with a Renewal. Every refusal looks the same.
 */
import { readList, readText, readUuid } from './codec/read.ts';
import { certificatesMax, certificateTextMax } from './limits.ts';
import { WireError } from './wireError.ts';

export interface EnrolRequest {
  token: string;
  /** PEM. Subject and extensions are ignored. */
  csr: string;
  /** UID of the namespace kube-system. */
  clusterUid: string;
}

export interface TrustBundleJson {
  version: number;
  /** PEM, one certificate each. */
  certificates: string[];
}

export interface Renewal {
  /** PEM, leaf first. */
  certificateChain: string;
  trustBundle: TrustBundleJson;
}

export interface Enrolment extends Renewal {
  clusterId: string;
  hubId: string;
  /** Of the gRPC server: `https://host:port`. */
  grpcUrl: string;
}

export interface Pending {
  /** Seconds. */
  retryAfter: number;
}

export interface RenewRequest {
  clusterId: string;
  /** PEM, signed by a key that the cluster is bound to. */
  csr: string;
}

/** Throws `WireError`. Fields that this version does not know are ignored. */
export function readEnrolment(body: unknown): Enrolment {
  const fields = fieldsOf('Enrolment', body);
  const grpcUrl = textOf('Enrolment.grpcUrl', fields['grpcUrl']);
  if (!URL.canParse(grpcUrl)) throw new WireError('Enrolment.grpcUrl', 'not a url');
  return {
    ...readRenewal(body),
    clusterId: readUuid('Enrolment.clusterId', textOf('Enrolment.clusterId', fields['clusterId'])),
    hubId: readUuid('Enrolment.hubId', textOf('Enrolment.hubId', fields['hubId'])),
    grpcUrl,
  };
}

/** Throws `WireError`. */
export function readRenewal(body: unknown): Renewal {
  const fields = fieldsOf('Renewal', body);
  const bundle = fieldsOf('Renewal.trustBundle', fields['trustBundle']);
  const { version, certificates } = bundle;
  if (!Number.isSafeInteger(version) || Number(version) < 1) {
    throw new WireError('Renewal.trustBundle.version', 'not a version');
  }
  if (!Array.isArray(certificates)) throw new WireError('Renewal.trustBundle.certificates', 'not a list');
  return {
    certificateChain: textOf('Renewal.certificateChain', fields['certificateChain']),
    trustBundle: {
      version: Number(version),
      certificates: readList('Renewal.trustBundle.certificates', certificates, certificatesMax, textOf),
    },
  };
}

/** Throws `WireError`. */
export function readPending(body: unknown): Pending {
  const { retryAfter } = fieldsOf('Pending', body);
  if (typeof retryAfter !== 'number' || !(retryAfter >= 0 && retryAfter <= 86_400)) {
    throw new WireError('Pending.retryAfter', 'not a number of seconds');
  }
  return { retryAfter };
}

function fieldsOf(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new WireError(field, 'not an object');
  return value as Record<string, unknown>;
}

function textOf(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new WireError(field, 'is missing');
  return readText(field, value, certificateTextMax);
}
