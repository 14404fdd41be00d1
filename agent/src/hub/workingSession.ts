/**
 * The stream of the pod that holds the Lease, and what lives and dies with it: reports, bundle fetches, answers and the
 * renewal of the certificate. Their loops are independent; where one of them breaks the session ends and all begin anew.
 */
import type { AgentHubClient } from '@flotilla/proto/grpc';
import type { Checkpoint, Hello, HubMessage, Welcome } from '@flotilla/proto/messages';
import type { Clock } from '../clock.ts';
import { isKubeError } from '../kube/error.ts';
import type { Log } from '../log.ts';
import type { Commands } from '../ops/commands.ts';
import type { Reporter } from '../report/reporter.ts';
import type { BundleStore } from '../state/bundles.ts';
import type { Acceptor } from './accept.ts';
import type { SideCalls } from './connection.ts';
import { connectToHub, createSideCalls } from './connection.ts';
import {
  acceptCertificate,
  acceptTrustBundle,
  beginRotation,
  identityOf,
  renewForever,
} from './credentials.ts';
import type { Fetcher } from './fetcher.ts';
import { readHoldings } from './holdings.ts';
import { IdentityError } from './identity.ts';
import type { IdentityStore } from './identityStore.ts';
import type { Session, StreamEnd } from './stream.ts';
import { endOfError, runStream } from './stream.ts';

export interface WorkingSessionOptions {
  store: IdentityStore;
  hello(): Hello;
  acceptor: Acceptor;
  fetcher: Fetcher;
  reporter: Reporter;
  commands: Commands;
  bundles: BundleStore;
  /** Resolves once it is durable. */
  storeCheckpoint(checkpoint: Checkpoint): Promise<void>;
  onWelcome(welcome: Welcome): void;
  clock: Clock;
  random: () => number;
  log: Log;
}

interface Working extends WorkingSessionOptions {
  client: AgentHubClient;
  side: SideCalls;
  /** Ends the session, with a StreamEnd as its reason. */
  ending: AbortController;
  signal: AbortSignal;
  loops: Promise<void>[];
}

export async function runWorkingSession(
  options: WorkingSessionOptions,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const ending = new AbortController();
  const connect = (): AgentHubClient => connectToHub(identityOf(options.store));
  const client = connect();
  const working: Working = {
    ...options,
    client,
    side: createSideCalls({ control: client, connect }),
    ending,
    signal: AbortSignal.any([signal, ending.signal]),
    loops: [],
  };
  try {
    options.acceptor.beginStream();
    await options.acceptor.settle();
    return await runStream({
      client: working.client,
      hello: options.hello(),
      signal: working.signal,
      onWelcome: (session) => begin(working, session),
      onMessage: (message, session) => handle(working, message, session),
    });
  } catch (error) {
    return lost(working, error);
  } finally {
    ending.abort(new Error('the session has ended'));
    await Promise.all(working.loops);
    working.side.close();
    working.client.close();
  }
}

function begin(working: Working, session: Session): void {
  const { welcome, send } = session;
  working.log.info({ fence: String(welcome.fence), recovering: welcome.recovering }, 'welcomed');
  working.onWelcome(welcome);
  loop(working, async () => {
    const outcome = await working.reporter.run(working.client, welcome, working.signal);
    working.ending.abort({ reason: outcome } satisfies StreamEnd);
  });
  loop(working, () => renewForever(working, send, working.signal));
  loop(working, () => working.fetcher.run(working.side, working.signal));
  if (!welcome.recovering) return;
  loop(working, async () => {
    for await (const part of readHoldings(working.acceptor.held(), working.bundles)) await send(part);
  });
}

/** A loop that breaks ends the session. */
function loop(working: Working, run: () => Promise<void>): void {
  const running = run().catch((error: unknown) => {
    if (!working.signal.aborted) working.ending.abort(lost(working, error));
  });
  working.loops.push(running);
}

async function handle(working: Working, message: HubMessage, session: Session): Promise<StreamEnd | null> {
  try {
    return await act(working, message, session);
  } catch (error) {
    if (error instanceof IdentityError) {
      working.log.error({ what: error.what, reason: error.message }, 'what the hub handed out was not taken');
      return null;
    }
    if (isKubeError(error)) {
      return { reason: 'lost', denied: false, detail: `the api server did not take it: ${error.message}` };
    }
    throw error;
  }
}

async function act(working: Working, message: HubMessage, session: Session): Promise<StreamEnd | null> {
  switch (message.type) {
    case 'Desired': {
      const reply = await working.acceptor.offer(message);
      if (reply !== null) await session.send(reply);
      return null;
    }
    case 'Command':
      await session.send({ type: 'CommandAck', commandId: message.id });
      working.commands.take(message, working.side, working.signal);
      return null;
    case 'Certificate': {
      const { reply, rotated } = await acceptCertificate(working.store, message.chain, message.slot);
      await session.send(reply);
      return rotated ? { reason: 'rotated' } : null;
    }
    case 'RotateKey':
      await session.send(await beginRotation(working.store));
      return null;
    case 'TrustBundle':
      await session.send(await acceptTrustBundle(working.store, message));
      return null;
    case 'Checkpoint':
      await working.storeCheckpoint(message.checkpoint);
      await session.send({ type: 'Stored', stored: { what: 'checkpoint', seq: message.checkpoint.seq } });
      return null;
    case 'Welcome':
    case 'Drain':
    case 'Refused':
      return null;
  }
}

/** An error of this program ends the session like a broken wire: the next one begins from what is durable. */
function lost(working: Working, error: unknown): StreamEnd {
  try {
    return endOfError(error);
  } catch {
    working.log.error({ error }, 'session failed');
    return { reason: 'lost', denied: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
