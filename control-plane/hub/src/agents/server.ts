/**
 * The gRPC listener: grpc-js behind a door, mTLS, a certificate of the hub's CA. It authenticates by certificate alone; each
 * rpc has its own file. Draining tells every agent to come back elsewhere, then waits a little for what is on its way.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server as Listener } from 'node:net';
import { Injectable } from '@nestjs/common';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { agentHubService, type AgentHubHandlers } from '@flotilla/proto/grpc';
import { messageBytesMax } from '@flotilla/proto/limits';
import { Authority } from '../clusters/authority.ts';
import { Renewer } from '../clusters/renew.ts';
import { Addresses } from '../platform/addresses.ts';
import { HubConfig } from '../platform/config.ts';
import { DataKeys } from '../platform/dataKeys.ts';
import { Hints } from '../platform/hints.ts';
import { Loggers, type Logger } from '../platform/logger.ts';
import { Observations } from '../platform/observations.ts';
import { Database } from '../platform/prisma.ts';
import { Ingest } from '../status/ingest.ts';
import { answer } from './answer.rpc.ts';
import { connect } from './connect.rpc.ts';
import { DesiredFlow } from './desired.ts';
import { Door, doorDefaults } from './door.ts';
import { fetchBundle } from './fetchBundle.rpc.ts';
import { FrameCache } from './frameCache.ts';
import { Greeter } from './greet.ts';
import { HoldingsStore } from './holdings.store.ts';
import { Peers } from './peer.ts';
import { SessionRegistry } from './registry.ts';
import { report } from './report.rpc.ts';
import { SessionsTogether } from './together.ts';

const serverOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_concurrent_streams': 64,
};

/** A fleet that comes at once waits here until the door has seen it. */
const backlog = 4096;
const drainSpreadMs = 5000;
const drainMs = 3000;

@Injectable()
export class AgentServer {
  private server: Server | null = null;
  private listener: Listener | null = null;
  private door: Door | null = null;
  /** Calls under way: each writes its last row before connections to Postgres close. */
  private readonly calls = new Set<Promise<void>>();
  private readonly logger: Logger;

  constructor(
    private readonly addresses: Addresses,
    private readonly authority: Authority,
    private readonly config: HubConfig,
    private readonly database: Database,
    private readonly dataKeys: DataKeys,
    private readonly desired: DesiredFlow,
    private readonly greeter: Greeter,
    private readonly hints: Hints,
    private readonly holdings: HoldingsStore,
    private readonly ingest: Ingest,
    private readonly observations: Observations,
    private readonly registry: SessionRegistry,
    private readonly renewer: Renewer,
    loggers: Loggers,
  ) {
    this.logger = loggers.for('agents');
  }

  get isListening(): boolean {
    return this.server !== null;
  }

  /** The port that was bound. */
  async listen(): Promise<number> {
    const server = new Server(serverOptions);
    server.addService(agentHubService as never, this.handlers());
    const { cert, key } = await this.authority.issueServer(this.addresses.serverNames);
    const roots = Buffer.from(this.authority.trustBundle.certificates.join('\n'));
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
    const credentials = ServerCredentials.createSsl(roots, [pair], true);
    const injector = server.createConnectionInjector(credentials);
    const door = new Door({ ...doorDefaults, letIn: (socket) => injector.injectConnection(socket) });
    this.listener = createServer({ noDelay: true }, (socket) => door.arrive(socket));
    this.door = door;
    const { host, port } = this.config.grpc;
    await once(this.listener.listen({ host, port, backlog }), 'listening');
    this.server = server;
    return (this.listener.address() as AddressInfo).port;
  }

  /** Agents are spread over some seconds, so that they do not all come to the next replica at one moment. */
  async drain(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = null;
    this.listener?.close();
    this.door?.close();
    for (const session of this.registry.sessions)
      session.drain(1 + Math.floor(Math.random() * drainSpreadMs));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, drainMs);
    server.tryShutdown(() => resolve());
    await promise;
    clearTimeout(timer);
    server.forceShutdown();
    await this.callsEnd();
    await this.ingest.drain();
  }

  private handlers(): AgentHubHandlers {
    const {
      authority,
      database,
      desired,
      greeter,
      hints,
      holdings,
      logger,
      observations,
      registry,
      renewer,
    } = this;
    const cache = new FrameCache(this.dataKeys);
    const peers = new Peers(database, authority.trustDomain);
    const together = new SessionsTogether(database, observations);
    const ingest = this.ingest.ingest.bind(this.ingest);
    const control = {
      authority,
      database,
      desired,
      greeter,
      holdings,
      logger,
      peers,
      registry,
      renewer,
      together,
    };
    const side = { database, hints, logger, peers, registry };
    return {
      connect: (call) => this.track(call, connect(control, call)),
      report: (call) => this.track(call, report({ ...side, ingest }, call)),
      fetchBundle: (call) => this.track(call, fetchBundle({ ...side, cache }, call)),
      answer: (call, callback) => this.track(call, answer(side, call, callback)),
    };
  }

  private track(call: { getPeer(): string }, served: Promise<void>): void {
    this.door?.heard(call.getPeer());
    const ended = served.catch((error: unknown) => {
      this.logger.error({ err: error }, 'call failed');
    });
    this.calls.add(ended);
    void ended.finally(() => this.calls.delete(ended));
  }

  private async callsEnd(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, drainMs);
    await Promise.race([promise, Promise.all(this.calls)]);
    clearTimeout(timer);
  }
}
