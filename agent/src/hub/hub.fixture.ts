/**
 * A hub for tests, written by hand: real mTLS, real grpc-js, real HTTPS, a CA of its own; what it answers is the test's.
 * Everything an agent said is kept in the order it came.
 */
import 'reflect-metadata';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { webcrypto } from 'node:crypto';
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { X509Certificate } from '@peculiar/x509';
import { decodeAgentMessage } from '@flotilla/proto/codec/agentMessage';
import { decodeAnswerChunk, encodeAnswerAck } from '@flotilla/proto/codec/answer';
import { decodeBundleRequest, encodeBundleChunk } from '@flotilla/proto/codec/bundle';
import { encodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import { decodeReportBatch, encodeReportAck } from '@flotilla/proto/codec/report';
import type { AgentHubHandlers } from '@flotilla/proto/grpc';
import { agentHubService } from '@flotilla/proto/grpc';
import type {
  AgentMessage,
  AnswerChunk,
  BundleChunk,
  BundleRequest,
  HubMessage,
  ReportBatch,
  Welcome,
} from '@flotilla/proto/messages';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hourMs = 3_600_000;

export interface TestCa {
  pem: string;
  /** Signs the key of a CSR (PEM or DER) for a client. */
  signAgent(csr: string | Uint8Array, life?: { fromMs: number; toMs: number }): Promise<string>;
  serverPair(): Promise<{ keyPem: string; chainPem: string }>;
}

export async function createTestCa(name = 'test root'): Promise<TestCa> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  const pem = root.toString('pem');
  return {
    pem,
    signAgent: async (csr, life = { fromMs: -hourMs, toMs: 24 * hourMs }) => {
      const request = new Pkcs10CertificateRequest(typeof csr === 'string' ? csr : new Uint8Array(csr));
      const leaf = await X509CertificateGenerator.create({
        subject: 'CN=agent',
        issuer: root.subject,
        publicKey: request.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        notBefore: new Date(Date.now() + life.fromMs),
        notAfter: new Date(Date.now() + life.toMs),
        extensions: [new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.2'])],
      });
      return leaf.toString('pem');
    },
    serverPair: () => signServer(root, keys.privateKey),
  };
}

async function signServer(root: X509Certificate, signingKey: webcrypto.CryptoKey) {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const leaf = await X509CertificateGenerator.create({
    subject: 'CN=hub',
    issuer: root.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
    extensions: [
      new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
      new SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { keyPem, chainPem: `${leaf.toString('pem')}\n${root.toString('pem')}\n` };
}

export interface HubSession {
  /** In the order they came, Hello first. */
  received: AgentMessage[];
  send(message: HubMessage): void;
  /** Breaks the stream without a word. */
  cut(): void;
}

export interface TestHub {
  grpcUrl: string;
  httpUrl: URL;
  ca: TestCa;
  sessions: HubSession[];
  /** Of all sessions. */
  received: AgentMessage[];
  batches: ReportBatch[];
  bundleRequests: BundleRequest[];
  answers: AnswerChunk[];
  /** Whence calls came, as address and port: one a connection. */
  connections: Set<string>;
  https: { path: string; body: unknown }[];
  /** The test's own behaviour; each may be replaced at any time. */
  behaviour: Behaviour;
  close(): Promise<void>;
}

export interface Behaviour {
  welcome: (session: number) => Partial<Welcome>;
  onMessage: (message: AgentMessage, session: HubSession) => void;
  /** Null: no ack. */
  ackReport: (batch: ReportBatch) => { stale: boolean } | null;
  /** Chunks of an answer; throwing breaks the stream at that place. */
  serveBundle: (request: BundleRequest) => Iterable<BundleChunk>;
  answerHttps: (path: string, body: never) => Promise<{ status: number; body: unknown }>;
}

export const testHubId = '01936b00-0000-7000-8000-00000000000f';

export async function startTestHub(behaviour: Partial<Behaviour> = {}): Promise<TestHub> {
  const ca = await createTestCa();
  const pair = await ca.serverPair();
  const hub: TestHub = {
    grpcUrl: '',
    httpUrl: new URL('https://127.0.0.1'),
    ca,
    sessions: [],
    received: [],
    batches: [],
    bundleRequests: [],
    answers: [],
    connections: new Set(),
    https: [],
    behaviour: {
      welcome: () => ({}),
      onMessage: () => undefined,
      ackReport: () => ({ stale: false }),
      serveBundle: () => [],
      answerHttps: () => Promise.resolve({ status: 404, body: {} }),
      ...behaviour,
    },
    close: () => Promise.resolve(),
  };
  const server = new Server();
  server.addService(agentHubService, handlersOf(hub));
  const credentials = ServerCredentials.createSsl(
    Buffer.from(ca.pem),
    [{ private_key: Buffer.from(pair.keyPem), cert_chain: Buffer.from(pair.chainPem) }],
    true,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  hub.grpcUrl = `https://127.0.0.1:${String(port)}`;
  const web = await serveHttps(hub, pair);
  hub.close = async () => {
    server.forceShutdown();
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
  };
  return hub;
}

function handlersOf(hub: TestHub): AgentHubHandlers {
  return {
    connect: (call) => serveConnect(hub, call),
    report: (call) => {
      call.on('data', (bytes: Uint8Array) => {
        const batch = decodeReportBatch(bytes);
        hub.batches.push(batch);
        const ack = hub.behaviour.ackReport(batch);
        const factNumber = batch.facts.at(-1)?.number ?? 0n;
        if (ack !== null) call.write(encodeReportAck({ batch: batch.batch, factNumber, stale: ack.stale }));
      });
      call.on('error', () => undefined);
      call.on('end', () => call.end());
    },
    fetchBundle: (call) => serveBundle(hub, call),
    answer: (call, callback) => {
      hub.connections.add(call.getPeer());
      let commandId = '';
      call.on('data', (bytes: Uint8Array) => {
        const chunk = decodeAnswerChunk(bytes);
        commandId = chunk.commandId;
        hub.answers.push(chunk);
      });
      call.on('error', () => undefined);
      call.on('end', () => callback(null, encodeAnswerAck({ commandId, receivedBytes: 0 })));
    },
  };
}

function serveConnect(hub: TestHub, call: ServerDuplexStream<Uint8Array, Uint8Array>): void {
  hub.connections.add(call.getPeer());
  const session: HubSession = {
    received: [],
    send: (message) => void call.write(encodeHubMessage(message)),
    cut: () => void call.emit('error', { code: status.UNAVAILABLE, details: 'cut' }),
  };
  const number = hub.sessions.push(session);
  call.on('error', () => undefined);
  call.on('end', () => call.end());
  call.on('data', (bytes: Uint8Array) => {
    const message = decodeAgentMessage(bytes);
    if (message === null) return;
    session.received.push(message);
    hub.received.push(message);
    if (message.type === 'Hello') {
      session.send({
        type: 'Welcome',
        ...defaultWelcome(number, message.standby),
        ...hub.behaviour.welcome(number),
      });
    }
    hub.behaviour.onMessage(message, session);
  });
}

function defaultWelcome(number: number, standby: boolean): Welcome {
  return {
    fence: standby ? 0n : BigInt(number),
    hubId: testHubId,
    standby,
    recovering: false,
    intervals: { reportDebounceMs: 5, heartbeatMs: 0, fullCheckMs: 0 },
    factNumber: 0n,
    trustBundleVersion: 1,
    mark: null,
    clock: new Date(),
    observedDigest: null,
  };
}

function serveBundle(hub: TestHub, call: ServerWritableStream<Uint8Array, Uint8Array>): void {
  hub.connections.add(call.getPeer());
  const request = decodeBundleRequest(call.request);
  hub.bundleRequests.push(request);
  try {
    for (const chunk of hub.behaviour.serveBundle(request)) call.write(encodeBundleChunk(chunk));
    call.end();
  } catch (error) {
    // What was written so far still goes out.
    setTimeout(() => call.emit('error', { code: status.UNAVAILABLE, details: String(error) }), 30);
  }
}

async function serveHttps(hub: TestHub, pair: { keyPem: string; chainPem: string }) {
  const server = createServer({ key: pair.keyPem, cert: pair.chainPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as never;
      const path = request.url ?? '';
      hub.https.push({ path, body });
      void hub.behaviour.answerHttps(path, body).then((answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer.body));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hub.httpUrl = new URL(`https://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  return server;
}
