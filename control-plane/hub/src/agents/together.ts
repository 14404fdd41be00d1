/**
 * What each session asks and writes at its beginning and its end, of many sessions at once: a fleet that comes or goes
 * costs statements by the hundred agents.
 */
import { lastCheckpoint, type CheckpointRow } from '../audit/audit.store.ts';
import { outsideTransaction } from '../clusters/authority.store.ts';
import { Batcher } from '../platform/batcher.ts';
import type { Observations } from '../platform/observations.ts';
import type { Database } from '../platform/prisma.ts';
import { deliverCommands } from './commands.ts';
import type { Session } from './session.ts';
import { endSessions, type EndedSession } from './sessions.store.ts';

const sessionsMax = 500;

export class SessionsTogether {
  readonly #checkpoints: Batcher<null, CheckpointRow | null>;
  readonly #commands: Batcher<Session, void>;
  readonly #ends: Batcher<EndedSession, void>;

  constructor(database: Database, observations: Observations) {
    const source = outsideTransaction(database);
    this.#checkpoints = new Batcher({
      itemsMax: sessionsMax,
      run: async (asked) => {
        const checkpoint = await lastCheckpoint(source);
        return asked.map(() => checkpoint);
      },
    });
    this.#commands = new Batcher({
      itemsMax: sessionsMax,
      run: (sessions) => deliverCommands(database, sessions),
    });
    this.#ends = new Batcher({
      itemsMax: sessionsMax,
      run: (ended) => observations.write((tx) => endSessions(tx, ended)),
    });
  }

  lastCheckpoint(): Promise<CheckpointRow | null> {
    return this.#checkpoints.ask(null);
  }

  deliverCommands(session: Session): Promise<void> {
    return this.#commands.ask(session);
  }

  end(session: EndedSession): Promise<void> {
    return this.#ends.ask(session);
  }
}
