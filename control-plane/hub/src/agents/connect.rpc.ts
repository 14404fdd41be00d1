/** `Connect`: the control stream. Hello, then whatever the agent says, one message at a time; the hub's side is `DesiredFlow` and the scan. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { decodeAgentMessage } from '@flotilla/proto/codec/agentMessage';
import { encodeHubMessage } from '@flotilla/proto/codec/hubMessage';
import type { Encoded } from '@flotilla/proto/grpc';
import type { AgentMessage, Hello, Stored } from '@flotilla/proto/messages';
import { WireError } from '@flotilla/proto/wireError';
import type { Authority } from '../clusters/authority.ts';
import type { Renewer } from '../clusters/renew.ts';
import type { Logger } from '../platform/logger.ts';
import type { Database } from '../platform/prisma.ts';
import { ackCommand } from './commands.store.ts';
import type { DesiredFlow } from './desired.ts';
import type { Greeter } from './greet.ts';
import { hangUp } from './hangUp.ts';
import type { HoldingsStore } from './holdings.store.ts';
import { unauthenticated, type Peers } from './peer.ts';
import type { SessionRegistry } from './registry.ts';
import { Session } from './session.ts';
import { setTrustBundleVersion } from './sessions.store.ts';
import type { SessionsTogether } from './together.ts';
import { StalledError } from './write.ts';

export interface ConnectContext {
  authority: Authority;
  database: Database;
  desired: DesiredFlow;
  greeter: Greeter;
  holdings: HoldingsStore;
  logger: Logger;
  peers: Peers;
  registry: SessionRegistry;
  renewer: Renewer;
  together: SessionsTogether;
}

type Call = ServerDuplexStream<Encoded, Encoded>;

const helloWithinMs = 20_000;

/** Never rejects: whatever goes wrong ends this stream alone. */
export async function connect(context: ConnectContext, call: Call): Promise<void> {
  call.on('error', () => undefined);
  try {
    const messages = messagesOf(call);
    const hello = await firstHello(call, messages);
    if (!hello) return hangUp(call);
    const session = await greet(context, call, hello);
    if (session) await converse(context, session, messages);
  } catch (error) {
    if (error instanceof WireError)
      context.logger.warn({ field: error.field, remote: call.getPeer() }, 'message refused');
    else if (error instanceof StalledError)
      context.logger.warn({ remote: call.getPeer() }, 'an agent takes nothing: its stream was ended');
    else if (!isEndOfStream(error))
      context.logger.error({ err: error, remote: call.getPeer() }, 'control stream failed');
    hangUp(call);
  }
}

async function greet(context: ConnectContext, call: Call, hello: Hello): Promise<Session | null> {
  const peer = context.peers.of(call);
  if (!peer) {
    call.emit('error', unauthenticated);
    return null;
  }
  const greeting = await context.greeter.greet(peer, hello, call.getPeer());
  if (greeting.outcome === 'refused') {
    const { reason, retryAfterMs, detail } = greeting;
    context.logger.info({ clusterId: peer.clusterId, reason, detail }, 'agent refused');
    call.write(encodeHubMessage({ type: 'Refused', reason, retryAfterMs, detail }));
    call.end();
    return null;
  }
  const session = new Session(greeting.start, call);
  context.registry.add(session);
  await session.send({ type: 'Welcome', ...greeting.welcome });
  await sendStanding(context, session, hello);
  if (greeting.shouldRotateKey)
    await session.send({ type: 'RotateKey', reason: 'the key is older than 30 days' });
  return session;
}

/** What the agent should have and does not: trust bundle and checkpoint. */
async function sendStanding(context: ConnectContext, session: Session, hello: Hello): Promise<void> {
  if (session.standby) return;
  const { trustBundle } = context.authority;
  if (hello.trustBundleVersion < trustBundle.version)
    await session.send({ type: 'TrustBundle', ...trustBundle });
  const checkpoint = await context.together.lastCheckpoint();
  if (checkpoint && checkpoint.at > (hello.lastCheckpoint?.at ?? new Date(0)) && !session.isRecovering) {
    await session.send({ type: 'Checkpoint', checkpoint });
  }
}

async function converse(
  context: ConnectContext,
  session: Session,
  messages: AsyncGenerator<AgentMessage>,
): Promise<void> {
  const { clusterId, fence, standby } = session;
  context.logger.info(
    { clusterId, fence: Number(fence), standby, recovering: session.isRecovering },
    'agent connected',
  );
  try {
    void context.desired.pump(session);
    await context.together.deliverCommands(session);
    for await (const message of messages) await onMessage(context, session, message);
  } finally {
    session.cut('closed');
    context.registry.remove(session);
    context.logger.info({ clusterId, fence: Number(fence), reason: session.endReason }, 'agent disconnected');
    await context.together.end({ id: session.id, clusterId, fence, reason: session.endReason });
  }
}

async function onMessage(context: ConnectContext, session: Session, message: AgentMessage): Promise<void> {
  if (session.standby || session.isClosed) return;
  switch (message.type) {
    case 'Hello':
      return session.cut('a second hello');
    case 'DesiredAck':
      return context.desired.onAck(session, message);
    case 'DesiredNack':
      return context.desired.onNack(session, message);
    case 'WantComplete':
      return context.desired.onWantComplete(session, message.reason);
    case 'CommandAck':
      return ackCommand(context.database, session.clusterId, message.commandId);
    case 'Renew':
      return renew(context, session, message);
    case 'Stored':
      return stored(context, session, message.stored);
    case 'Holdings':
      return session.isRecovering ? context.holdings.add(session, message) : undefined;
  }
}

async function renew(
  { renewer, logger }: ConnectContext,
  session: Session,
  { csr, slot }: Extract<AgentMessage, { type: 'Renew' }>,
): Promise<void> {
  const { clusterId } = session;
  const signed =
    slot === 'next' ? await renewer.signNext(clusterId, csr) : await renewer.signBound(clusterId, csr);
  if (signed.outcome === 'refused') return void logger.warn({ clusterId, slot }, 'renewal refused');
  await session.send({ type: 'Certificate', chain: signed.chain, slot });
}

async function stored({ database }: ConnectContext, { clusterId }: Session, what: Stored): Promise<void> {
  if (what.what === 'trustBundle') await setTrustBundleVersion(database, clusterId, what.version);
}

async function* messagesOf(call: Call): AsyncGenerator<AgentMessage> {
  for await (const bytes of call) {
    const message = decodeAgentMessage(bytes as Encoded);
    if (message !== null) yield message;
  }
}

/** Null: it said nothing in time, or something else. */
async function firstHello(call: Call, messages: AsyncGenerator<AgentMessage>): Promise<Hello | null> {
  const timer = setTimeout(() => hangUp(call), helloWithinMs);
  const { value, done } = await messages.next();
  clearTimeout(timer);
  return !done && value.type === 'Hello' ? value : null;
}

function isEndOfStream(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    code === 'ABORT_ERR' ||
    (error as Error)?.message.startsWith('session ended')
  );
}
