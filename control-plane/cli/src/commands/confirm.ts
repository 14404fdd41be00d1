/**
 * `confirm`: what waits for a person before anything is deleted, asked once for the whole fleet. Without an application it
 * lists the questions; with one it shows them with their numbers and answers them.
 */
import type { Question, RolloutAction, RolloutActionResult } from '@flotilla/client/rollouts';
import type { Command } from 'commander';
import { colorsFor } from '../colors.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { age, short, table, type Column } from '../table.ts';
import { authorName, subjectOf } from '../rollout/words.ts';
import { collectPages } from './list.ts';

interface ConfirmOptions {
  yes?: boolean;
}

export function registerConfirm(program: Command, io: Io, end: (code: ExitCode) => void): void {
  program
    .command('confirm [application]')
    .description(
      'what waits for a person before anything is deleted; with an application, answers it: exit 0 yes or nothing to answer, 2 no',
    )
    .option('-y, --yes', 'yes, without asking')
    .action(
      withSession(io, (session, name: string | undefined, options: ConfirmOptions) =>
        name === undefined ? listQuestions(session) : answerQuestions(session, name, options, end),
      ),
    );
}

async function listQuestions(session: Session): Promise<void> {
  const { client, io, print } = session;
  const page = await collectPages<Question>((query) => client.questions(query), {});
  const columns: Column<Question>[] = [
    { title: 'APPLICATION', value: ({ application }) => application },
    { title: 'PROJECT', value: ({ project }) => project },
    { title: 'QUESTION', value: ({ message }) => message },
    { title: 'COMMIT', value: ({ revision }) => short(revision?.commit) },
    { title: 'ASKED', value: ({ since }) => `${age(since, io.now())} ago` },
    { title: 'ANSWER', value: answerText },
  ];
  print(page, () => table(columns, page.items, 'nothing waits for a person'));
}

function answerText({ application, project }: Question): string {
  return `flotilla confirm ${application}${project === 'default' ? '' : ` --project ${project}`}`;
}

async function answerQuestions(
  session: Session,
  name: string,
  options: ConfirmOptions,
  end: (code: ExitCode) => void,
): Promise<void> {
  const { client, project, print, say } = session;
  const page = await collectPages<Question>(
    (query) => client.questions(query),
    {},
    { application: name, project },
  );
  const results: RolloutActionResult[] = [];
  using asker = askerOf(session);
  for (const question of page.items) {
    say(questionText(session, question));
    if (options.yes !== true && !(await asker.isYes())) {
      say('not confirmed: everything stays as it is');
      return end(exitCodes.no);
    }
    results.push(
      await client.applications.act(name, answerOf(question), project === undefined ? {} : { project }),
    );
  }
  const lines = results.flatMap(({ events }) => events);
  print({ items: results, next: null }, () =>
    page.items.length === 0 ? `nothing of ${name} waits for a person` : lines.join('\n'),
  );
}

function questionText({ io }: Session, question: Question): string {
  const colors = colorsFor(io.stderr, io.environment.noColor);
  const { application, kind, revision, removal, clusters, count, since, message } = question;
  const lines = [`${colors.bold(application)}: ${message}, asked ${age(since, io.now())} ago`];
  if (revision !== null) {
    const author = authorName(revision.author);
    const by = author === '' ? '' : `, by ${author}`;
    lines.push(`  ${short(revision.commit)} ${subjectOf(revision.message)}${by}`);
  }
  if (clusters.length > 0) {
    const more = (count ?? clusters.length) - clusters.length;
    lines.push(`  ${clusters.join(', ')}${more > 0 ? ` and ${more} more` : ''}`);
  }
  lines.push(`  yes: ${colors.yellow(fateOf(kind, removal))}`);
  return lines.join('\n');
}

function fateOf(kind: Question['kind'], removal: Question['removal']): string {
  if (kind === 'drop') return 'what the revision no longer has is deleted, on every cluster that gets it';
  if (kind === 'inventory')
    return 'what Git no longer has is deleted there, by the inventory that was rebuilt';
  if (removal === 'delete') return 'the application and its objects are deleted there';
  return 'the application is taken off these clusters; its objects stay there';
}

/** Bound to what was shown: a revision, or this many targets. */
function answerOf({ kind, revision, count }: Question): RolloutAction {
  if (kind === 'leaving') return { action: 'confirmLeaving', ...(count === null ? {} : { targets: count }) };
  if (kind === 'inventory')
    return { action: 'confirmInventory', ...(count === null ? {} : { targets: count }) };
  return { action: 'confirmDrop', revision: revision?.number ?? 0 };
}

/** Reads a line for each question; standard input is let go of afterwards, so that the program can end. */
function askerOf({ io }: Session) {
  const lines = io.stdin[Symbol.asyncIterator]();
  return {
    async isYes(): Promise<boolean> {
      if (io.stdin.isTTY !== true)
        throw new CommandError(
          exitCodes.usage,
          'nobody is there to be asked',
          'pass --yes to answer without asking',
        );
      io.stderr.write('Confirm? [y/N] ');
      const { value, done } = await lines.next();
      return done !== true && /^\s*y(es)?\s*$/i.test(value.toString());
    },
    [Symbol.dispose]: () => void lines.return?.(),
  };
}
