/** A hub of the roles `api,agents,worker` in this process, and agents written by hand against the wire: real TLS, real Postgres. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { applyDesired, type DesiredSet } from '@flotilla/domain/desired/set';
import { collectPart, type DesiredPart } from '@flotilla/domain/desired/parts';
import { encodeBody, encodeHead } from '@flotilla/domain/desired/encode';
import type { Body } from '@flotilla/domain/desired/entry';
import { encodeAgentMessage } from '@flotilla/proto/codec/agentMessage';
import { decodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import type { Enrolment } from '@flotilla/proto/enrolment';
import { createAgentHubClient, type AgentHubClient, type Encoded } from '@flotilla/proto/grpc';
import type { AgentMessage, Hello, HubMessage } from '@flotilla/proto/messages';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { AccessModule } from '../access/access.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { ClustersModule } from '../clusters/clusters.module.ts';
import { Authority } from '../clusters/authority.ts';
import { RegistrationTokens } from '../clusters/registrationTokens.ts';
import { HttpModule } from '../http/http.module.ts';
import type { Caller } from '../http/principal.ts';
import { createHttpApplication, listen, useCertificate } from '../http/server.ts';
import { Addresses } from '../platform/addresses.ts';
import { loadConfig, type HubConfig } from '../platform/config.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { sha256, sha256Hex } from '../platform/digest.ts';
import { Lifecycle } from '../platform/lifecycle.ts';
import { Loggers } from '../platform/logger.ts';
import { PlatformModule } from '../platform/platform.module.ts';
import { Database } from '../platform/prisma.ts';
import { createTestDatabase } from '../platform/testDatabase.fixture.ts';
import { systemActor } from '../platform/transaction.ts';
import { StatusModule } from '../status/status.module.ts';
import { AgentsModule } from './agents.module.ts';
import { AgentServer } from './server.ts';

@Module({})
class TestHubModule {
  static with(config: HubConfig): DynamicModule {
    const imports = [
      PlatformModule.with(config),
      HttpModule,
      AccessModule,
      AuditModule,
      ClustersModule,
      StatusModule,
      AgentsModule,
    ];
    return { module: TestHubModule, imports };
  }
}

export interface TestHub extends AsyncDisposable {
  app: NestFastifyApplication;
  config: HubConfig;
  database: Database;
  url: string;
  grpc: string;
  caPem: string;
  projectId: string;
}

export const admin: Caller = {
  actor: systemActor,
  correlationId: 'test',
  principal: { actor: systemActor, name: 'test', role: 'admin', projectId: null, may: () => true },
};

export async function startTestHub(more: Record<string, string> = {}): Promise<TestHub> {
  const database = await createTestDatabase();
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-hub-'));
  const config = loadConfig({
    DATABASE_URL: database.url,
    HUB_KEY_FILE: join(dir, 'hub.key'),
    HUB_HTTP_LISTEN: '127.0.0.1:0',
    HUB_GRPC_LISTEN: '127.0.0.1:0',
    HUB_LOG_LEVEL: 'error',
    ...more,
  });
  const app = await bootHub(config);
  const projectId = await ensureProject(app);
  return {
    ...reach(app),
    app,
    config,
    database: app.get(Database),
    projectId,
    async [Symbol.asyncDispose]() {
      await stopHub(app);
      await database[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function bootHub(config: HubConfig): Promise<NestFastifyApplication> {
  const logger = new Loggers(config.logLevel).for('nest');
  const app = await createHttpApplication(TestHubModule.with(config), config, { logger });
  await app.init();
  const addresses = app.get(Addresses);
  addresses.boundGrpc(`127.0.0.1:${await app.get(AgentServer).listen()}`);
  useCertificate(app, await app.get(Authority).issueServer(addresses.serverNames));
  addresses.boundHttp(await listen(app, config.http));
  return app;
}

export async function stopHub(app: NestFastifyApplication): Promise<void> {
  await app.get(Lifecycle).stop();
  await app.close();
}

/** Where a hub that was booted beside is reached. */
export function reach(app: NestFastifyApplication) {
  const addresses = app.get(Addresses);
  return {
    url: addresses.publicUrl,
    grpc: new URL(addresses.grpcPublicUrl).host,
    caPem: app.get(Authority).caPem,
  };
}

async function ensureProject(app: NestFastifyApplication): Promise<string> {
  const id = randomUUID();
  const { dataKey, dataKeyVersion } = app.get(DataKeys).create(id);
  await app
    .get(Database)
    .query(
      `INSERT INTO projects (id, name, spec, data_key, data_key_version) VALUES ($1, 'default', '{}', $2, $3)`,
      [id, dataKey, dataKeyVersion],
    );
  return id;
}

// ---- enrolment ------------------------------------------------------------------------------------------------

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface AgentKey {
  keyPem: string;
  csr: string;
}

export async function newAgentKey(): Promise<AgentKey> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=agent',
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { keyPem, csr: request.toString('pem') };
}

type TokenBody = Parameters<RegistrationTokens['create']>[1];

export async function newToken(hub: TestHub, body: Partial<TokenBody> = {}): Promise<string> {
  const defaults = {
    project: 'default',
    labels: {},
    cidrs: [],
    maxUses: 1,
    expiresInMs: 3_600_000,
    requireApproval: false,
  };
  const { token } = await hub.app.get(RegistrationTokens).create(admin, { ...defaults, ...body });
  return token;
}

export async function post(
  hub: TestHub,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await hub.app.inject({ method: 'POST', url: path, payload: body as object });
  return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> };
}

export interface Member {
  key: AgentKey;
  enrolment: Enrolment;
  clusterUid: string;
}

export async function enrolMember(hub: TestHub, body: Partial<TokenBody> = {}): Promise<Member> {
  const key = await newAgentKey();
  const clusterUid = randomUUID();
  const token = await newToken(hub, body);
  const answer = await post(hub, '/api/v1/agents/enroll', { token, csr: key.csr, clusterUid });
  if (answer.status !== 201 && answer.status !== 200) throw new Error(`enrolment answered ${answer.status}`);
  return { key, clusterUid, enrolment: answer.body as unknown as Enrolment };
}

// ---- the wire -------------------------------------------------------------------------------------------------

export function clientOf(hub: TestHub, { key, enrolment }: Member): AgentHubClient {
  const roots = Buffer.from(enrolment.trustBundle.certificates.join('\n'));
  const secure = credentials.createSsl(
    roots,
    Buffer.from(key.keyPem),
    Buffer.from(enrolment.certificateChain),
  );
  return createAgentHubClient(hub.grpc, secure);
}

export function helloOf(member: Member, more: Partial<Hello> = {}): Hello {
  return {
    session: randomUUID(),
    instance: randomUUID(),
    incarnation: randomUUID(),
    standby: false,
    clusterUid: member.clusterUid,
    leaseUid: '',
    leaseTransitions: 0n,
    mark: null,
    held: null,
    observedDigest: null,
    inventoryDigest: null,
    lastCheckpoint: null,
    versions: { agent: '0.1.0', protocol: 1, kubernetes: 'v1.36.3' },
    capabilities: [],
    clock: new Date(),
    facts: { nodes: '1' },
    trustBundleVersion: 1,
    ...more,
  };
}

/** A control stream: what comes is kept in order; checkpoints are left out, since they come when they come. */
export class TestStream {
  readonly received: HubMessage[] = [];
  readonly call: ClientDuplexStream<Encoded, Encoded>;
  ended = false;
  private readonly client: AgentHubClient;
  private taken = 0;
  private wake: (() => void) | null = null;

  constructor(hub: TestHub, member: Member, hello: Hello) {
    this.client = clientOf(hub, member);
    this.call = this.client.connect();
    this.call.on('data', (bytes: Encoded) => {
      const message = decodeHubMessage(bytes);
      if (message && message.type !== 'Checkpoint') this.received.push(message);
      this.wake?.();
    });
    for (const event of ['end', 'error', 'close'] as const) {
      this.call.on(event, () => {
        this.ended = true;
        this.wake?.();
      });
    }
    this.send({ type: 'Hello', ...hello });
  }

  send(message: AgentMessage): void {
    this.call.write(encodeAgentMessage(message));
  }

  /** The next message; null: the stream ended, or nothing came in time. */
  async next(withinMs = 10_000): Promise<HubMessage | null> {
    const deadline = performance.now() + withinMs;
    while (this.taken >= this.received.length) {
      const leftMs = deadline - performance.now();
      if (this.ended || leftMs <= 0) return null;
      await this.woken(leftMs);
    }
    return this.received[this.taken++] ?? null;
  }

  async expect<T extends HubMessage['type']>(
    type: T,
    withinMs?: number,
  ): Promise<Extract<HubMessage, { type: T }>> {
    const message = await this.next(withinMs);
    if (message?.type !== type)
      throw new Error(
        `expected ${type}, got ${message === null ? 'nothing' : JSON.stringify(message, plain)}`,
      );
    return message as Extract<HubMessage, { type: T }>;
  }

  /** Resolves when the hub ended the stream. */
  async end(withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!this.ended && performance.now() < deadline) await this.woken(deadline - performance.now());
    return this.ended;
  }

  close(): void {
    this.call.cancel();
    this.client.close();
  }

  private async woken(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    const timer = setTimeout(resolve, Math.max(1, ms));
    await promise;
    clearTimeout(timer);
  }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Accepts like an agent: by the domain's own rule. */
export async function acceptNext(
  stream: TestStream,
  held: DesiredSet | null,
): Promise<{ set: DesiredSet; part: DesiredPart }> {
  let begun: DesiredPart[] = [];
  for (;;) {
    const part = await stream.expect('Desired');
    const collected = collectPart(begun, part);
    if (collected.outcome === 'broken') throw new Error(collected.detail);
    if (collected.outcome === 'partial') {
      begun = collected.parts;
      continue;
    }
    const verdict = applyDesired(collected.message, {
      held,
      mark: held?.mark ?? null,
      knownBodies: new Map(),
      sha256,
    });
    if (verdict.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(verdict)}`);
    return { set: verdict.set, part };
  }
}

export function ack(stream: TestStream, set: DesiredSet): void {
  stream.send({ type: 'DesiredAck', ...set.mark, errors: [] });
}

// ---- rows -----------------------------------------------------------------------------------------------------

export async function insertApplication(hub: TestHub): Promise<string> {
  const [row] = await hub.database.query<{ id: string }>(
    `INSERT INTO applications (project_id, name, spec) VALUES ($1, $2, '{}') RETURNING id`,
    [hub.projectId, `app-${randomUUID().slice(0, 8)}`],
  );
  return row!.id;
}

function bodyFor(applicationId: string, namespace: string): Body {
  return {
    application: { id: applicationId, name: 'app', project: 'default' },
    destinationNamespace: namespace,
    sync: {
      createNamespace: false,
      pruneLast: false,
      prunePropagation: 'foreground',
      replace: false,
      force: false,
      validate: 'none',
      skipDryRunOnMissingResource: false,
      adopt: false,
      selfHeal: true,
    },
    prune: { enabled: true, allowEmpty: false },
    retry: { limit: 5, backoffMs: 1000, backoffFactor: 2, backoffMaxMs: 60_000 },
    timeouts: { syncWaveMs: 60_000 },
    ignore: [],
    health: [],
    dependsOn: [],
    allowed: { namespaces: ['*'], clusterKinds: [], namespacedKindsDenied: [] },
  };
}

export interface AssignOptions {
  applicationId: string;
  clusterId: string;
  assignment: number;
  revision?: number;
  bundle?: string;
  namespace?: string;
}

/** Assigns as the worker does: head, body and the cluster's next generation at one moment. */
export async function assign(hub: TestHub, at: AssignOptions): Promise<string> {
  const { applicationId, clusterId, assignment, bundle = 'b'.repeat(64) } = at;
  const body = encodeBody(bodyFor(applicationId, at.namespace ?? 'default'));
  const bodyDigest = sha256Hex(body);
  await hub.database.query(
    'INSERT INTO bodies (digest, application_id, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [bodyDigest, applicationId, body],
  );
  const [known] = await hub.database.query<{ id: string }>(
    'SELECT id FROM targets WHERE application_id = $1 AND cluster_id = $2',
    [applicationId, clusterId],
  );
  const id = known?.id ?? randomUUID();
  const head = encodeHead({
    target: id,
    state: 'Active',
    assignment,
    revision: at.revision ?? 1,
    bundle: { digest: bundle, sizeBytes: 1 },
    deletesMax: 10,
    operation: {},
    body: bodyDigest,
  });
  await hub.database.query(
    `WITH touched AS (UPDATE clusters SET generation = generation + 1 WHERE id = $2 RETURNING generation)
     INSERT INTO targets (id, application_id, cluster_id, state, assignment, bundle, head, head_digest, body_digest, generation)
     SELECT $1, $3, $2, 'Active', $4, $5, $6, $7, $8, generation FROM touched
     ON CONFLICT (application_id, cluster_id) DO UPDATE SET assignment = excluded.assignment, bundle = excluded.bundle,
       head = excluded.head, head_digest = excluded.head_digest, body_digest = excluded.body_digest,
       generation = excluded.generation`,
    [id, clusterId, applicationId, assignment, bundle, head, sha256Hex(head), bodyDigest],
  );
  return id;
}
