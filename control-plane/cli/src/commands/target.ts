/** `target`: one application on one cluster, kept where a person wants it. */
import type { Command } from 'commander';
import { moment, positiveInteger } from '../parse.ts';
import { withSession, type Io } from '../session.ts';
import { act } from './rolloutVerbs.ts';

interface PinOptions {
  revision: number;
  reason: string;
  expires?: string;
}

export function registerTarget(program: Command, io: Io): void {
  const target = program.command('target').description('one application on one cluster');
  target
    .command('pin <application> <cluster>')
    .description('keep it at a revision: rollouts pass it by')
    .requiredOption('--revision <n>', 'which', positiveInteger)
    .requiredOption('--reason <text>', 'why, for everybody who wonders')
    .option(
      '--expires <time>',
      'until when: a time (RFC 3339), or how long, e.g. 2h (default: until unpinned)',
    )
    .action(
      withSession(io, (session, application: string, cluster: string, options: PinOptions) => {
        const { revision, reason, expires } = options;
        const expiresAt = expires === undefined ? null : moment(expires, io.now());
        return act(session, application, { action: 'pin', cluster, revision, reason, expiresAt });
      }),
    );
  target
    .command('unpin <application> <cluster>')
    .description('let it follow again: it gets what belongs there')
    .action(
      withSession(io, (session, application: string, cluster: string) =>
        act(session, application, { action: 'unpin', cluster }),
      ),
    );
}
