/**
 * "Nothing lost", as DESIGN.md puts it: what must hold of a fleet after any fault, asked of the rows, the clusters, the
 * API servers' audit logs and what a witness saw meanwhile. To be asked once the last fault has healed.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { rootDigest } from '@flotilla/domain/desired/set';
import type { AuditedRequest } from './audit.ts';
import type { LeasedCluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Fleet } from './fleet.ts';
import { transitionProblems } from './transitions.ts';
import { markIn, type Mark, type Witness } from './witness.ts';

export class InvariantError extends Error {
  override readonly name = 'InvariantError';
  readonly broken: readonly string[];

  constructor(broken: readonly string[]) {
    super(`broken invariants:\n${broken.join('\n')}`);
    this.broken = broken;
  }
}

/** @throws InvariantError that names everything that does not hold */
export async function checkInvariants(fleet: Fleet, witness: Witness): Promise<void> {
  const broken: string[] = [];
  broken.push(...(await converged(fleet)).map((problem) => `C: ${problem}`));
  broken.push(...(await durable(fleet, witness)).map((problem) => `D: ${problem}`));
  broken.push(...(await neverWentBack(fleet, witness)).map((problem) => `M: ${problem}`));
  broken.push(...(await deletedWithCause(fleet, witness)).map((problem) => `P: ${problem}`));
  broken.push(...(await transitionProblems(fleet.database)).map((problem) => `S: ${problem}`));
  broken.push(...(await truthful(fleet, witness)).map((problem) => `T: ${problem}`));
  broken.push(...(await audited(fleet, witness)).map((problem) => `A: ${problem}`));
  if (broken.length > 0) throw new InvariantError(broken);
}

/** The design's bound from the last fault's healing. */
const convergedWithinMs = 120_000;

/** C: every cluster is connected, has accepted its latest digest and begun on it. */
async function converged(fleet: Fleet): Promise<string[]> {
  let problems: string[] = [];
  const settle = async () => {
    problems = await notConverged(fleet);
    return problems.length === 0 || ([false, problems] as const);
  };
  await eventually('every cluster is on its latest set', settle, { timeoutMs: convergedWithinMs }).catch(
    (error: unknown) => {
      if (problems.length === 0) throw error;
    },
  );
  return problems;
}

interface EntryRow {
  target: string;
  headDigest: string;
  bodyDigest: string;
  assignment: number;
  /** Of what was observed. */
  begun: number | null;
}

async function notConverged(fleet: Fleet): Promise<string[]> {
  const clusters = await fleet.database.query<{
    id: string;
    name: string;
    connected: boolean;
    wanted: string;
    accepted: string;
  }>(
    `SELECT id, name, replica_id IN (SELECT replica_id FROM sessions WHERE ended_at IS NULL) AS connected, epoch || '.' || generation AS wanted, accepted_epoch || '.' || accepted_generation || ' ' ||
       coalesce(accepted_digest, '') AS accepted
     FROM clusters WHERE state = 'Active' AND generation > 0`,
  );
  const problems: string[] = [];
  for (const { id, name, connected, wanted, accepted } of clusters) {
    if (!connected) problems.push(`${name} is not connected`);
    const entries = await fleet.database.query<EntryRow>(
      `SELECT t.id AS target, t.head_digest AS "headDigest", t.body_digest AS "bodyDigest", t.assignment::int,
         o.assignment::int AS begun
       FROM targets t LEFT JOIN target_observations o ON o.target_id = t.id
       WHERE t.cluster_id = $1::uuid AND t.head IS NOT NULL`,
      [id],
    );
    const latest = `${wanted} ${rootDigest(entries, sha256)}`;
    if (accepted !== latest) problems.push(`${name} accepted ${accepted}, and is to hold ${latest}`);
    for (const { target, assignment, begun } of entries)
      if (begun !== assignment) problems.push(`${name} has not begun assignment ${assignment} of ${target}`);
  }
  return problems;
}

/** D: what was answered 2xx is there, with its audit event. */
async function durable(fleet: Fleet, witness: Witness): Promise<string[]> {
  const problems: string[] = [];
  for (const { what, answered, correlationId, isThere } of witness.mutations) {
    if (!answered) continue;
    if (!(await isThere())) problems.push(`${what} was answered and is not there`);
    const events = await eventsOf(fleet, correlationId);
    if (events === 0) problems.push(`${what} was answered and has no audit event`);
  }
  return problems;
}

/** M: neither an agent's mark nor what the hub recorded of it ever went back, and the hub is not ahead of the agent. */
async function neverWentBack(fleet: Fleet, witness: Witness): Promise<string[]> {
  const problems: string[] = [];
  for (const cluster of fleet.clusters) {
    const name = fleet.nameOf(cluster);
    const [row] = await fleet.database.query<{ id: string }>('SELECT id FROM clusters WHERE name = $1', [
      name,
    ]);
    if (witness.marksOf(cluster).length === 0) problems.push(`no mark of ${name} was seen`);
    problems.push(...stepsBack(witness.marksOf(cluster), `the mark in the Secret of ${name}`));
    problems.push(...stepsBack(await witness.acceptedOf(row?.id ?? ''), `what the hub recorded of ${name}`));
    problems.push(...(await ackedAndNotKept(fleet, cluster)));
  }
  return problems;
}

function stepsBack(marks: readonly Mark[], whose: string): string[] {
  return marks.flatMap((mark, at) => {
    const before = marks[at - 1];
    const isBack =
      before !== undefined &&
      (mark.epoch < before.epoch || (mark.epoch === before.epoch && mark.generation < before.generation));
    return isBack ? [`${whose} went from ${textOf(before)} to ${textOf(mark)}`] : [];
  });
}

function textOf({ epoch, generation }: Mark): string {
  return `${epoch}.${generation}`;
}

/** What an agent acked is in its Secret: asked while it is dead, this proves that it was durable before the ack. */
export async function ackedAndNotKept(fleet: Fleet, cluster: LeasedCluster): Promise<string[]> {
  const name = fleet.nameOf(cluster);
  const [accepted] = await fleet.database.query<Mark>(
    `SELECT accepted_epoch::int AS epoch, accepted_generation::int AS generation FROM clusters WHERE name = $1`,
    [name],
  );
  const path = `/api/v1/namespaces/${cluster.agentNamespace}/secrets/flotilla-agent`;
  const kept = markIn(await cluster.api.call(path)) ?? { epoch: 0, generation: 0 };
  if (accepted === undefined) return [`the hub does not know ${name}`];
  return stepsBack([accepted, kept], `${name} acked more than it keeps: the mark`);
}

/**
 * P: every DELETE of an agent names a UID and has a cause that was durable before it: a revision, made before, that
 * lacks an object which an earlier one had; an application on its way out with `delete`. Only what was asked since the last look.
 */
async function deletedWithCause(fleet: Fleet, witness: Witness): Promise<string[]> {
  const problems: string[] = [];
  for (const cluster of fleet.clusters) {
    const since = witness.auditReadTo.get(cluster.name) ?? 0;
    const deletes = await cluster.requests({
      verb: ['delete', 'deletecollection'],
      userAgent: /^flotilla-agent/,
      since,
    });
    for (const request of deletes) {
      witness.deleted.add(request.name);
      problems.push(...(await causeless(fleet, cluster, request)));
    }
    witness.auditReadTo.set(cluster.name, await cluster.audit.mark());
  }
  return problems;
}

async function causeless(fleet: Fleet, cluster: LeasedCluster, request: AuditedRequest): Promise<string[]> {
  const { verb, resource, namespace, name, preconditionUid, at } = request;
  const what = `${verb} of ${resource} ${namespace}/${name} at ${at}`;
  const problems: string[] = [];
  if (verb !== 'delete' || preconditionUid === null) problems.push(`${what} names no UID`);
  // Its own inventory shards: they hold what is known of objects, and are no object of an application.
  if (namespace === cluster.agentNamespace) return problems;
  if (!(await hasCause(fleet, request))) problems.push(`${what} has no cause`);
  return problems;
}

interface RevisionRow {
  commit: string;
  path: string;
  removal: string | null;
}

async function hasCause(fleet: Fleet, { name, at }: AuditedRequest): Promise<boolean> {
  const revisions = await fleet.database.query<RevisionRow>(
    `SELECT s.source->>'commit' AS commit, s.source->>'path' AS path, a.removal
     FROM revisions r JOIN applications a ON a.id = r.application_id
       CROSS JOIN LATERAL jsonb_array_elements(r.sources) AS s(source)
     WHERE r.created_at <= $1 ORDER BY r.application_id, r.number`,
    [at],
  );
  let wasThere = false;
  for (const { commit, path, removal } of revisions) {
    const names = await namesAt(fleet.repository.gitDir, commit, path);
    if (!names.has(name) && wasThere) return true;
    wasThere ||= names.has(name);
    if (wasThere && removal === 'delete') return true;
  }
  return false;
}

const namesOfCommit = new Map<string, Promise<ReadonlySet<string>>>();

/** Names of the objects that a path of a commit declares. */
function namesAt(gitDir: string, commit: string, path: string): Promise<ReadonlySet<string>> {
  const key = `${gitDir} ${commit} ${path}`;
  const known = namesOfCommit.get(key) ?? readNames(gitDir, commit, path);
  namesOfCommit.set(key, known);
  return known;
}

async function readNames(gitDir: string, commit: string, path: string): Promise<ReadonlySet<string>> {
  const args = ['--git-dir', gitDir, 'grep', '-h', '-E', '^  name: ', commit, '--', path];
  const { stdout } = await promisify(execFile)('git', args);
  return new Set(stdout.split('\n').map((line) => line.replace('  name: ', '').trim()));
}

/** T: nothing is shown as Synced and Healthy but what the live session reported or confirmed. */
async function truthful(fleet: Fleet, witness: Witness): Promise<string[]> {
  const problems = [...witness.unfounded].map((claim) => `${claim} was shown as Healthy and not reported`);
  const shown = await Array.fromAsync(fleet.hub.client.targets.all());
  const rows = await fleet.database.query<{ id: string; assignment: number; isConfirmed: boolean }>(
    `SELECT t.id, o.assignment::int, c.replica_id IS NOT NULL AND (o.fence = c.fence OR c.confirmed_fence = c.fence)
         AND o.sync = 'Synced' AND o.health = 'Healthy' AS "isConfirmed"
     FROM targets t JOIN clusters c ON c.id = t.cluster_id JOIN target_observations o ON o.target_id = t.id`,
  );
  for (const { id, assignment, sync, health } of shown) {
    if (sync !== 'Synced' || health !== 'Healthy') continue;
    const row = rows.find((one) => one.id === id);
    if (row?.assignment !== assignment || !row.isConfirmed)
      problems.push(`assignment ${assignment} of ${id} is shown as Healthy and not by the live session`);
  }
  return problems;
}

/** A: the chain verifies, and changes and events match one to one, as far as both can be counted. */
async function audited(fleet: Fleet, witness: Witness): Promise<string[]> {
  const problems: string[] = [];
  const verification = await eventually('every audit event is sealed', async () => {
    const now = await fleet.hub.client.audit.verify();
    return now.unsealed === 0 || now.result === 'Tampered' ? now : ([false, now] as const);
  });
  if (verification.result !== 'Good')
    problems.push(`the chain is ${verification.result}: ${verification.message}`);
  for (const { what, correlationId } of witness.mutations) {
    const events = await eventsOf(fleet, correlationId);
    if (events > 1) problems.push(`${what} has ${events} audit events`);
  }
  const counts = await fleet.database.query<{ what: string; rows: number; events: number }>(countsSql);
  for (const { what, rows, events } of counts)
    if (rows !== events) problems.push(`${rows} ${what}, and ${events} audit events of them`);
  return problems;
}

async function eventsOf(fleet: Fleet, correlationId: string): Promise<number> {
  const rows = await fleet.database.query(
    `SELECT 1 FROM audit_events WHERE correlation_id = $1 AND outcome = 'success'`,
    [correlationId],
  );
  return rows.length;
}

/** Rows that are never deleted in these fleets, beside the events of their making. */
const countsSql = `
  WITH made AS (SELECT action, count(*)::int AS events FROM audit_events WHERE outcome = 'success' GROUP BY action),
  present(what, action, rows) AS (
    SELECT 'repositories', 'repository.create', count(*) FROM repositories UNION ALL
    SELECT 'webhook deliveries', 'repository.webhook', count(*) FROM webhook_deliveries UNION ALL
    SELECT 'registration tokens', 'registration-token.create', count(*) FROM registration_tokens UNION ALL
    SELECT 'clusters', 'cluster.enrol', count(*) FROM clusters UNION ALL
    SELECT 'revisions', 'revision.create', count(*) FROM revisions UNION ALL
    SELECT 'rendered revisions', 'revision.render', count(*) FROM revisions WHERE state <> 'Candidate')
  SELECT what, rows::int, coalesce(events, 0) AS events FROM present LEFT JOIN made USING (action)
  UNION ALL
  SELECT 'assignments', (SELECT coalesce(sum(assignment), 0)::int FROM targets),
    (SELECT coalesce(sum((reason->>'assigned')::int), 0)::int FROM audit_events WHERE action = 'rollout.tick')`;

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
