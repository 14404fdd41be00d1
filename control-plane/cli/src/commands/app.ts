/** `app`: what is deployed, where, how it does; made, synced, awaited and removed. */
import type { Command } from 'commander';
import type { ExitCode } from '../exit.ts';
import { collect, durationMs, positiveInteger } from '../parse.ts';
import { withSession, type Io } from '../session.ts';
import { createApp } from './appCreate.ts';
import { deleteApp } from './appDelete.ts';
import { planApp } from './appPlan.ts';
import { promoteApp } from './appPromote.ts';
import { getApp, listApps } from './appShow.ts';
import { syncApp } from './appSync.ts';
import { waitForApp } from './appWait.ts';
import { showStages } from './stages.ts';

export function registerApp(program: Command, io: Io, end: (code: ExitCode) => void): void {
  const app = program.command('app').description('applications');
  registerCreate(app, io);
  app
    .command('list')
    .description('all applications with their worst status')
    .option('--limit <n>', 'at most so many', positiveInteger)
    .action(withSession(io, listApps));
  app.command('get <name>').description('one application and its targets').action(withSession(io, getApp));
  app
    .command('sync <name>')
    .description('start the waiting rollout, or apply the assigned revision again')
    .option('--force', 'apply every object, also unchanged ones')
    .option('--cluster <name>', 'only there; repeatable', collect, [])
    .option('--wait', 'wait until every target is Synced and Healthy')
    .option('--timeout <duration>', 'of --wait', durationMs, 300_000)
    .action(
      withSession(io, (session, name: string, options) => syncApp(session, name, options as never, end)),
    );
  registerStages(app, io);
  registerPlan(app, io, end);
  app
    .command('wait <name>')
    .description(
      'exit 0 when every target is Synced and Healthy at the newest revision, 2 when it failed, 6 when time is up',
    )
    .option('--timeout <duration>', 'how long', durationMs, 300_000)
    .option('--commit <sha>', 'the newest revision must be of this commit (or start with it)')
    .action(
      withSession(io, (session, name: string, options) => waitForApp(session, name, options as never, end)),
    );
  app
    .command('delete <name>')
    .description('remove it from every cluster')
    .option(
      '--mode <mode>',
      'orphan: objects stay; delete: objects go too; detach: objects stay, to be taken back',
      'orphan',
    )
    .option('--wait', 'wait until the last cluster has confirmed')
    .option('--timeout <duration>', 'of --wait', durationMs, 300_000)
    .action(withSession(io, deleteApp));
}

function registerStages(app: Command, io: Io): void {
  app
    .command('stages <name>')
    .description('what each of its stages has, what moves there, and what comes next and when')
    .action(withSession(io, showStages));
  app
    .command('promote <name>')
    .description('let a revision go on to a stage, also before it has soaked')
    .requiredOption('--to <stage>', 'the stage that gets it')
    .option('--revision <n>', 'one that the stage before completed (default: the candidate)', positiveInteger)
    .action(withSession(io, promoteApp));
}

function registerPlan(app: Command, io: Io, end: (code: ExitCode) => void): void {
  app
    .command('plan <name>')
    .description(
      'what a commit would change on every cluster, before anything is; exit 0 nothing, 2 something, 1 it would fail, 3 not all could say',
    )
    .requiredOption('--revision <revision>', 'commit, branch or tag')
    .option('--repository <name>', 'which source repository is meant (default: that of the first source)')
    .option('--timeout <duration>', 'how long a cluster is waited for', durationMs, 60_000)
    .option('--ignore-offline', 'clusters that are not connected do not make it incomplete')
    .option('--groups <n>', 'show the diffs of so many groups of clusters', positiveInteger, 10)
    .action(
      withSession(io, (session, name: string, options) => planApp(session, name, options as never, end)),
    );
}

function registerCreate(app: Command, io: Io): void {
  app
    .command('create <name>')
    .description('make an application, from flags or from a file')
    .option('-f, --file <file>', 'spec as YAML or JSON; "-" is standard input')
    .option('--repo <name>', 'repository, see "flotilla repo list"')
    .option('--path <path>', 'folder in the repository', '.')
    .option('--branch <name>', 'follow this branch (default: main)')
    .option('--tag <name>', 'use this tag')
    .option('--commit <sha>', 'use this commit')
    .option('--recurse', 'also folders below the path')
    .option('--template', 'evaluate {{ cluster.labels.x }} in its manifests and in --path')
    .option('--namespace <name>', 'for objects that name none (default: the name of the application)')
    .option('--cluster <name>', 'on this cluster, or those that match a glob; repeatable', collect, [])
    .option('--selector <key=value>', 'on clusters with this label; repeatable', collect, [])
    .option('--all-clusters', 'on every cluster of the project')
    .option('--automated', 'roll out new revisions without asking')
    .option('--prune', 'delete what is no longer in the repository')
    .option('--self-heal', 'revert changes that others make')
    .option('--create-namespace', 'make the namespace when it is missing')
    .action(withSession(io, createApp));
}
