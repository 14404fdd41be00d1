/** `app stages`: what each stage of an application has, what moves in it, what comes next and what that waits for. */
import { harmless } from '@flotilla/client/cells';
import type { Application, RevisionSummary, Stage, StageRollout } from '@flotilla/client/types';
import { timeWords } from '@flotilla/domain/rollout/describe';
import { CommandError, exitCodes } from '../exit.ts';
import { authorName, leftWords, subjectOf } from '../rollout/words.ts';
import type { Session } from '../session.ts';
import { short, statusColor, table, type Column } from '../table.ts';

/** In order, each with the one that its revisions come from. */
interface StageRow {
  stage: Stage;
  before: string;
}

/** Of a stage, below the table: what is the matter in full, and the command that goes on. */
interface Note {
  stage: string;
  text: string;
  command: string;
}

const heldCellsMax = 50;

export async function showStages(session: Session, name: string): Promise<void> {
  const query = session.project === undefined ? {} : { project: session.project };
  const application = await session.client.applications.get(name, query);
  const { stages } = application;
  if (stages === undefined)
    throw new CommandError(
      exitCodes.notFound,
      `"${name}" has no stages`,
      'give it some in spec.strategy.stages',
    );
  session.print(stages, () => stagesText(session, application));
}

/** '' where it has none. */
export function stagesText(session: Session, { name, stages = [] }: Application): string {
  if (stages.length === 0) return '';
  const rows = stages.map((stage, at) => ({ stage, before: stages[at - 1]?.name ?? '' }));
  const notes = stages.flatMap((stage) => notesOf(name, stage));
  const shown = table(stageColumns(session), rows, '');
  return notes.length === 0 ? shown : `${shown}\n\n${noteLines(session, notes).join('\n')}`;
}

function stageColumns(session: Session): Column<StageRow>[] {
  const { colors } = session;
  return [
    { title: 'STAGE', value: ({ stage }) => stage.name },
    { title: 'CLUSTERS', value: ({ stage }) => String(stage.targets) },
    { title: 'REVISION', value: ({ stage: { revision } }) => String(revision?.number ?? '-') },
    { title: 'COMMIT', value: ({ stage }) => short(stage.revision?.commit) },
    { title: 'SYNC', value: ({ stage }) => (stage.targets === 0 ? '-' : statusColor(colors, stage.sync)) },
    {
      title: 'HEALTH',
      value: ({ stage }) => (stage.targets === 0 ? '-' : statusColor(colors, stage.health)),
    },
    { title: 'ROLLOUT', value: ({ stage }) => rolloutsText(session, stage) },
    { title: 'NEXT', value: (row) => nextText(session, row) },
  ];
}

/** `to 9: Running, to 10: Queued` */
function rolloutsText({ colors }: Session, { rollout, waiting }: Stage): string {
  const texts = [rollout, waiting].flatMap((one) =>
    one === null ? [] : [`${wayOf(one)} ${one.revision.number}: ${statusColor(colors, one.phase)}`],
  );
  return texts.length === 0 ? '-' : texts.join(', ');
}

function wayOf({ kind }: StageRollout): string {
  return kind === 'rollback' ? 'back from' : 'to';
}

function nextText({ colors, io }: Session, { stage: { candidate, approval }, before }: StageRow): string {
  if (candidate === null) return '-';
  const { revision, state, until, message } = candidate;
  switch (state) {
    case 'Soaking': {
      const nowMs = io.now().getTime();
      const time =
        until === null ? '' : ` until ${timeWords(Date.parse(until), nowMs)} ${leftWords(until, nowMs)}`;
      return `${revision.number} soaks in ${before}${time.trimEnd()}${approval ? ', then waits for a person' : ''}`;
    }
    case 'Held':
      return `${revision.number} ${colors.red('held')}: ${clipped(message)}`;
    case 'AwaitingApproval':
      return `${revision.number} ${colors.yellow(message)}`;
  }
}

function clipped(message: string): string {
  const text = harmless(message);
  return text.length > heldCellsMax ? `${text.slice(0, heldCellsMax - 1)}…` : text;
}

function notesOf(application: string, { name, rollout, waiting, candidate }: Stage): Note[] {
  const note = (text: string, command: string) => ({ stage: name, text, command: `flotilla ${command}` });
  const looked = `rollout get ${application} --stage ${name}`;
  const promoted = `app promote ${application} --to ${name}`;
  const said = (one: StageRollout) => `${rolloutTitle(one)} is ${one.phase}${reasonOf(one)}`;
  return [
    ...(rollout?.phase === 'Paused' ? [note(said(rollout), looked)] : []),
    ...(waiting === null
      ? []
      : [note(said(waiting), waiting.phase === 'AwaitingSync' ? `app sync ${application}` : looked)]),
    ...(candidate?.state === 'AwaitingApproval'
      ? [note(`${revisionTitle(candidate.revision)} ${candidate.message}`, promoted)]
      : []),
    ...(candidate?.state === 'Held'
      ? [
          note(
            `${revisionTitle(candidate.revision)} is held: ${harmless(candidate.message)}`,
            `app get ${application}`,
          ),
        ]
      : []),
  ];
}

function rolloutTitle({ kind, revision }: StageRollout): string {
  return `${kind === 'rollback' ? 'the rollback from ' : ''}${revisionTitle(revision)}`;
}

function reasonOf({ phaseReason }: StageRollout): string {
  return phaseReason === null || phaseReason === '' ? '' : `: ${harmless(phaseReason)}`;
}

/** `revision 8 (1b2c3d4e Raise the limits, by Ada)` */
export function revisionTitle({ number, commit, message, author }: RevisionSummary): string {
  const by = authorName(author);
  const what = [short(commit), subjectOf(message)].filter((part) => part !== '').join(' ');
  return `revision ${number} (${what}${by === '' ? '' : `, by ${by}`})`;
}

function noteLines({ colors }: Session, notes: readonly Note[]): string[] {
  const width = Math.max(...notes.map(({ stage }) => stage.length)) + 2;
  return notes.flatMap(({ stage, text, command }) => [
    `${colors.bold(stage)}${' '.repeat(width - stage.length)}${text}`,
    `${' '.repeat(width)}${colors.dim(command)}`,
  ]);
}
