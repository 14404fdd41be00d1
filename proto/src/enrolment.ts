/**
 * Enrolment and renewal over HTTPS: the JSON that agent and hub exchange before there is a stream.
 * `POST /api/v1/agents/enroll` answers 200 with an Enrolment, or 202 with Pending while a person has to approve;
 * `POST /api/v1/agents/renew` answers 200 with a Renewal. Every refusal looks the same.
 */

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
