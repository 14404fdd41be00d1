/**
 * Sees what cannot be looked up afterwards, beside a fleet: what was asked of the hub and how it answered, every mark
 * that an agent kept and every one that the hub recorded, and what the hub showed from moment to moment. Only looks:
 * its triggers write to a table of its own.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Target } from '@flotilla/client/types';
import type { LeasedCluster } from './cluster.ts';
import type { Fleet } from './fleet.ts';
import { watchObject, type ObjectWatch } from './objectWatch.ts';
import { logTransitions } from './transitions.ts';

export interface Mutation {
  what: string;
  correlationId: string;
  answered: boolean;
  /** Of an answered one: true while its effect is there. */
  isThere: () => Promise<boolean>;
}

export interface Mark {
  epoch: number;
  generation: number;
}

export interface MutationRequest<T> {
  what: string;
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  isThere: (answer: T) => Promise<boolean>;
}

const lookEveryMs = 200;

export class Witness implements AsyncDisposable {
  readonly mutations: Mutation[] = [];
  /** What the hub showed as Synced and Healthy although no such report was committed. */
  readonly unfounded = new Set<string>();
  /** Names of what the agents were seen to delete. */
  readonly deleted = new Set<string>();
  /** By cluster: where the audit log of its API server was read up to. */
  readonly auditReadTo = new Map<string, number>();
  readonly #fleet: Fleet;
  readonly #watches = new Map<string, ObjectWatch>();
  readonly #founded = new Set<string>();
  readonly #stop = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  private constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  static async start(fleet: Fleet): Promise<Witness> {
    const witness = new Witness(fleet);
    for (const statement of logStatements) await fleet.database.query(statement);
    await logTransitions(fleet.database);
    for (const cluster of fleet.clusters) {
      const path = `/api/v1/namespaces/${cluster.agentNamespace}/secrets`;
      const watch = await watchObject(cluster.api.access, path, 'flotilla-agent');
      witness.#watches.set(cluster.name, watch);
      witness.auditReadTo.set(cluster.name, await cluster.audit.mark());
    }
    witness.#looking = witness.#look();
    return witness;
  }

  /** Asks the hub for a change, under a correlation id by which its audit event is found. */
  async mutate<T>(request: MutationRequest<T>): Promise<T> {
    const { what, method, path, body, headers, isThere } = request;
    const correlationId = randomUUID();
    const mutation: Mutation = { what, correlationId, answered: false, isThere: async () => true };
    this.mutations.push(mutation);
    const answer = await this.#fleet.hub.client.transport.json<T>(method, path, {
      body,
      headers: { ...headers, 'x-correlation-id': correlationId },
    });
    mutation.answered = true;
    mutation.isThere = () => isThere(answer);
    return answer;
  }

  /** Marks in the Secret of an agent, in order. */
  marksOf(cluster: LeasedCluster): Mark[] {
    const watch = this.#watches.get(cluster.name);
    if (watch?.problem()) throw new Error(`the marks of ${cluster.name} are not known: ${watch.problem()}`);
    return (watch?.versions ?? []).flatMap((secret) => markIn(secret) ?? []);
  }

  /** Marks that the hub recorded as accepted, in order. */
  async acceptedOf(clusterId: string): Promise<Mark[]> {
    return this.#fleet.database.query<Mark>(
      `SELECT epoch, generation FROM witness_accepted WHERE cluster_id = $1::uuid ORDER BY seq`,
      [clusterId],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const watch of this.#watches.values()) watch.stop();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // The hub or its Postgres may be down: then it shows nothing.
      await this.#lookOnce().catch(() => undefined);
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #lookOnce(): Promise<void> {
    const targets = await Array.fromAsync(this.#fleet.hub.client.targets.all());
    for (const target of targets) {
      const claim = `assignment ${target.assignment} of target ${target.id}`;
      if (target.sync !== 'Synced' || target.health !== 'Healthy' || this.#founded.has(claim)) continue;
      // What was shown was committed before: a report that founds it is in the log by now.
      if (await this.#wasReported(target)) this.#founded.add(claim);
      else this.unfounded.add(claim);
    }
  }

  async #wasReported({ id, assignment }: Target): Promise<boolean> {
    const rows = await this.#fleet.database.query(
      `SELECT 1 FROM witness_reported WHERE target_id = $1::uuid AND assignment = $2
         AND sync = 'Synced' AND health = 'Healthy' LIMIT 1`,
      [id, assignment],
    );
    return rows.length > 0;
  }
}

/** The mark that an agent's Secret holds; null before the first one. */
export function markIn(secret: unknown): Mark | null {
  const { data } = secret as { data?: Record<string, string> };
  const text = data?.['mark'];
  return text === undefined ? null : (JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as Mark);
}

const logStatements = [
  `CREATE TABLE witness_accepted (seq bigserial PRIMARY KEY, cluster_id uuid, epoch int, generation int)`,
  `CREATE TABLE witness_reported (seq bigserial PRIMARY KEY, target_id uuid, fence bigint, assignment bigint,
     sync text, health text)`,
  `CREATE FUNCTION witness_accepted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO witness_accepted (cluster_id, epoch, generation)
     VALUES (NEW.id, NEW.accepted_epoch, NEW.accepted_generation);
     RETURN NULL; END $$`,
  `CREATE FUNCTION witness_reported() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO witness_reported (target_id, fence, assignment, sync, health)
     VALUES (NEW.target_id, NEW.fence, NEW.assignment, NEW.sync, NEW.health);
     RETURN NULL; END $$`,
  `CREATE TRIGGER witness_accepted AFTER UPDATE ON clusters FOR EACH ROW
     WHEN ((OLD.accepted_epoch, OLD.accepted_generation) IS DISTINCT FROM (NEW.accepted_epoch, NEW.accepted_generation))
     EXECUTE FUNCTION witness_accepted()`,
  `CREATE TRIGGER witness_reported AFTER INSERT OR UPDATE ON target_observations FOR EACH ROW
     EXECUTE FUNCTION witness_reported()`,
];
