/** `app delete`: asked for, and with `--wait` awaited until the last cluster has confirmed. */
import { FlotillaApiError } from '@flotilla/client/errors';
import type { RemovalMode } from '@flotilla/client/types';
import { CommandError, exitCodes } from '../exit.ts';
import { pause } from '@flotilla/client/pause';
import type { Session } from '../session.ts';

export interface DeleteOptions {
  mode: string;
  wait?: boolean;
  timeout: number;
}

const modes: readonly RemovalMode[] = ['orphan', 'delete', 'detach'];

export async function deleteApp(session: Session, name: string, options: DeleteOptions): Promise<void> {
  const mode = modes.find((known) => known === options.mode);
  if (!mode)
    throw new CommandError(
      exitCodes.usage,
      `unknown mode "${options.mode}"`,
      `use one of ${modes.join(', ')}`,
    );
  const query = session.project === undefined ? {} : { project: session.project };
  const application = await session.client.applications.delete(name, { ...query, mode });
  if (options.wait === true) {
    await session.progress(`removing ${name}`, () => untilGone(session, application.id, options.timeout));
  }
  session.print(application, () => `${name} ${fateOf(mode, options.wait === true)}`);
}

function fateOf(mode: RemovalMode, gone: boolean): string {
  if (mode === 'delete')
    return gone ? 'is removed, and its objects with it' : 'is being removed, and its objects with it';
  return `${gone ? 'is removed' : 'is being removed'}; its objects stay on the clusters`;
}

async function untilGone({ client, io }: Session, id: string, timeoutMs: number): Promise<void> {
  const deadline = io.now().getTime() + timeoutMs;
  while (io.now().getTime() < deadline && !io.signal.aborted) {
    try {
      await client.applications.get(id);
    } catch (error) {
      if (error instanceof FlotillaApiError && error.status === 404) return;
      throw error;
    }
    await pause(1_000, io.signal);
  }
  const hint = 'a cluster that is offline confirms when it is back';
  throw new CommandError(exitCodes.timedOut, 'not every cluster has confirmed the removal yet', hint);
}
