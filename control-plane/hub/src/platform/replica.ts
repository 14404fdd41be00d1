/** This process among the replicas of the hub: a new id at every start. */
import { randomUUID } from 'node:crypto';

export class ReplicaIdentity {
  readonly id: string = randomUUID();
}

export const hubVersion = '0.1.0';
