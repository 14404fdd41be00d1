/**
 * A thin client of the hub's REST API: one method an operation, plain resources in and out.
 * Every method throws `FlotillaApiError` when the hub says no and `FlotillaConnectionError` when it says nothing.
 * `application`, `cluster` and `repository` take a name or a uuid; `project` defaults to `default` at the hub.
 */
import { events, type EventOptions } from './events.ts';
import { items } from './pages.ts';
import { Transport, type ClientOptions, type QueryValue } from './transport.ts';
import type * as rollouts from './rollouts.ts';
import type * as api from './types.ts';

export type Query = Record<string, QueryValue>;
export type FlotillaClient = ReturnType<typeof createClient>;

export interface NewRegistrationToken {
  project?: string;
  labels?: Record<string, string>;
  clusterName?: string;
  cidrs?: string[];
  maxUses?: number;
  expiresInMs?: number;
  requireApproval?: boolean;
}

export interface NewRepository {
  project?: string;
  name: string;
  kind?: 'git';
  url: string;
  credential?: { username: string; password: string } | { token: string };
  webhookSecret?: string;
  pollIntervalMs?: number;
}

export interface NewApplication {
  project?: string;
  name: string;
  spec: api.ApplicationSpec;
}

/** `revision` is a commit, branch or tag of the first source's repository, or of the one that is named. */
export interface NewPlan {
  revision: string;
  repository?: string;
  answerTimeoutMs?: number;
}

export interface SyncRequest {
  force?: boolean;
  clusters?: string[];
}

const base = '/api/v1';

export function createClient(options: ClientOptions) {
  const transport = new Transport(options);
  return {
    transport,
    projects: projects(transport),
    clusters: clusters(transport),
    registrationTokens: registrationTokens(transport),
    apiTokens: apiTokens(transport),
    repositories: repositories(transport),
    applications: applications(transport),
    plans: plans(transport),
    targets: targets(transport),
    audit: audit(transport),
    /** `events`: so many of its decisions, the newest, default 200; `outcomes`: also what became of single targets, default true. */
    rollout: (id: string, query: { events?: number; outcomes?: boolean } = {}) =>
      transport.json<rollouts.RolloutDetail>('GET', `${base}/rollouts/${id}`, { query }),
    /** What waits for a person; `applications.act` answers. */
    questions: (query: Query = {}) =>
      transport.json<api.Page<rollouts.Question>>('GET', `${base}/questions`, { query }),
    fleet: () => transport.json<api.Fleet>('GET', `${base}/fleet`),
    whoami: () => transport.json<api.WhoAmI>('GET', `${base}/whoami`),
    events: (eventOptions: EventOptions) => events(transport, eventOptions),
  };
}

/** `list` is one page; `all` walks every page. */
function collection<T>(transport: Transport, path: string) {
  return {
    list: (query: Query = {}) => transport.json<api.Page<T>>('GET', path, { query }),
    all: (query: Query = {}) => items<T>(transport, path, query),
  };
}

function projects(transport: Transport) {
  const path = `${base}/projects`;
  return {
    ...collection<api.Project>(transport, path),
    get: (project: string) => transport.json<api.Project>('GET', `${path}/${encodeURIComponent(project)}`),
    create: (body: { name: string; spec?: api.ProjectChange }) =>
      transport.json<api.Project>('POST', path, { body }),
    /** Lists that are given replace those that are there; with `version` only if nobody else changed it since. */
    update: (project: string, spec: api.ProjectChange, version?: number) =>
      transport.json<api.Project>('PATCH', `${path}/${encodeURIComponent(project)}`, {
        body: { spec },
        ...(version === undefined ? {} : { headers: { 'if-match': `"${version}"` } }),
      }),
  };
}

function clusters(transport: Transport) {
  const path = `${base}/clusters`;
  const one = (cluster: string) => `${path}/${encodeURIComponent(cluster)}`;
  return {
    ...collection<api.Cluster>(transport, path),
    get: (cluster: string) => transport.json<api.Cluster>('GET', one(cluster)),
    /** Replaces all of them; `version`: refused where it has changed since it was read. */
    setLabels: (cluster: string, labels: Record<string, string>, version?: number) =>
      transport.json<api.Cluster>('PATCH', one(cluster), {
        body: { labels },
        ...(version !== undefined && { headers: { 'if-match': `"${version}"` } }),
      }),
    approve: (cluster: string) => transport.json<api.Cluster>('POST', `${one(cluster)}/approve`),
    pause: (cluster: string, body: { reason: string; until?: string }) =>
      transport.json<api.Cluster>('POST', `${one(cluster)}/pause`, { body }),
    resume: (cluster: string) => transport.json<api.Cluster>('POST', `${one(cluster)}/resume`),
    revoke: (cluster: string, body: { reason?: string } = {}) =>
      transport.json<api.Cluster>('POST', `${one(cluster)}/revoke`, { body }),
    /** What ran on it; with `at` what ran at that time. */
    history: (cluster: string, query: Query = {}) =>
      transport.json<api.Page<api.Run>>('GET', `${one(cluster)}/history`, { query }),
    targets: (cluster: string, query: Query = {}) =>
      items<api.Target>(transport, `${one(cluster)}/targets`, query),
  };
}

function registrationTokens(transport: Transport) {
  const path = `${base}/registration-tokens`;
  return {
    ...collection<api.RegistrationToken>(transport, path),
    create: (body: NewRegistrationToken) =>
      transport.json<api.CreatedRegistrationToken>('POST', path, { body }),
    revoke: (id: string) => transport.json<undefined>('DELETE', `${path}/${encodeURIComponent(id)}`),
  };
}

function apiTokens(transport: Transport) {
  const path = `${base}/api-tokens`;
  return {
    ...collection<api.ApiToken>(transport, path),
    create: (body: { name: string; role: 'admin' | 'viewer'; expiresInMs?: number }) =>
      transport.json<api.CreatedApiToken>('POST', path, { body }),
    revoke: (id: string) => transport.json<undefined>('DELETE', `${path}/${encodeURIComponent(id)}`),
  };
}

function repositories(transport: Transport) {
  const path = `${base}/repositories`;
  const one = (repository: string) => `${path}/${encodeURIComponent(repository)}`;
  return {
    ...collection<api.Repository>(transport, path),
    get: (repository: string, query: Query = {}) =>
      transport.json<api.Repository>('GET', one(repository), { query }),
    create: (body: NewRepository) => transport.json<api.Repository>('POST', path, { body }),
    delete: (repository: string, query: Query = {}) =>
      transport.json<undefined>('DELETE', one(repository), { query }),
    refresh: (repository: string, query: Query = {}) =>
      transport.json<api.Repository>('POST', `${one(repository)}/refresh`, { query }),
  };
}

function applications(transport: Transport) {
  const path = `${base}/applications`;
  const one = (application: string) => `${path}/${encodeURIComponent(application)}`;
  return {
    ...collection<api.Application>(transport, path),
    get: (application: string, query: Query = {}) =>
      transport.json<api.Application>('GET', one(application), { query }),
    create: (body: NewApplication) => transport.json<api.Application>('POST', path, { body }),
    /** Replaces the spec; `version` is the one that was read. */
    replace: (application: string, version: number, spec: api.ApplicationSpec, query: Query = {}) =>
      transport.json<api.Application>('PUT', one(application), {
        body: { spec },
        headers: { 'if-match': `"${version}"` },
        query,
      }),
    delete: (application: string, query: Query & { mode?: api.RemovalMode } = {}) =>
      transport.json<api.Application>('DELETE', one(application), { query }),
    sync: (application: string, body: SyncRequest = {}, query: Query = {}) =>
      transport.json<api.SyncResult>('POST', `${one(application)}/sync`, { body, query }),
    /** Steers its rollout, or answers what the rollout asks. */
    act: (application: string, action: rollouts.RolloutAction, query: Query = {}) =>
      transport.json<rollouts.RolloutActionResult>('POST', `${one(application)}/rollout`, {
        body: action,
        query,
      }),
    targets: (application: string, query: Query = {}) =>
      items<api.Target>(transport, `${one(application)}/targets`, query),
    revisions: (application: string, query: Query = {}) =>
      transport.json<api.Page<api.Revision>>('GET', `${one(application)}/revisions`, { query }),
    rollouts: (application: string, query: Query = {}) =>
      transport.json<api.Page<rollouts.Rollout>>('GET', `${one(application)}/rollouts`, { query }),
    /** Which revisions were in force on its targets; with `at` those of that time. */
    runs: (application: string, query: Query = {}) =>
      transport.json<api.Page<api.Run>>('GET', `${one(application)}/runs`, { query }),
    /** What happened, newest first. */
    history: (application: string, query: Query = {}) =>
      transport.json<api.Page<api.Transition>>('GET', `${one(application)}/history`, { query }),
  };
}

/** What a commit would change on every targeted cluster; nothing is changed. */
function plans(transport: Transport) {
  const of = (application: string) => `${base}/applications/${encodeURIComponent(application)}/plans`;
  return {
    create: (application: string, body: NewPlan, query: Query = {}) =>
      transport.json<api.Plan>('POST', of(application), { body, query }),
    list: (application: string, query: Query = {}) =>
      transport.json<api.Page<api.PlanSummary>>('GET', of(application), { query }),
    get: (application: string, plan: string, query: Query = {}) =>
      transport.json<api.Plan>('GET', `${of(application)}/${plan}`, { query }),
    /** What each cluster said; with `digest` only the clusters of one group. */
    results: (application: string, plan: string, query: Query = {}) =>
      items<api.PlanResult>(transport, `${of(application)}/${plan}/results`, query),
    diff: (application: string, plan: string, digest: string, query: Query = {}) =>
      transport.json<api.PlanDiff>('GET', `${of(application)}/${plan}/diffs/${digest}`, { query }),
  };
}

function targets(transport: Transport) {
  const path = `${base}/targets`;
  return {
    ...collection<api.Target>(transport, path),
    get: (id: string) => transport.json<api.TargetDetail>('GET', `${path}/${id}`),
    /** Which revisions were in force; with `at` only the one of that time. */
    history: (id: string, query: Query = {}) =>
      transport.json<api.Page<api.Run>>('GET', `${path}/${id}/history`, { query }),
  };
}

function audit(transport: Transport) {
  const path = `${base}/audit-events`;
  return {
    ...collection<api.AuditEvent>(transport, path),
    verify: () => transport.json<api.AuditVerification>('GET', `${path}/verify`),
  };
}
