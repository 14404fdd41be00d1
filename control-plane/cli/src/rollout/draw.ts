/**
 * A rollout as lines, from plain data: whose commit it is, each wave, what is waited for and until when, what failed first,
 * when it will end, what was decided, and what a person can do now. Never wider than the terminal, nor higher where it has
 * a height: head and waves come first, what was decided last.
 */
import { stripVTControlCharacters } from 'node:util';
import type { RolloutDetail, RolloutFailure } from '@flotilla/client/rollouts';
import { formatDuration } from '@flotilla/domain/rollout/duration';
import { harmless, widthOf } from '@flotilla/client/cells';
import type { Colors } from '../colors.ts';
import { short, statusColor } from '../table.ts';
import { column, fit, wrap } from './cells.ts';
import { drawWaves } from './drawWaves.ts';
import { isClosed } from './follow.ts';
import { authorName, endWords, leftWords, plural, subjectOf, thereIn } from './words.ts';

export interface RolloutRoom {
  columns: number;
  /** Null: as many lines as it takes. */
  rows: number | null;
  colors: Colors;
  /** By the hub's clock. */
  nowMs: number;
  /** How long the hub has not answered; null: it does. */
  hubAwayMs: number | null;
}

const failuresMax = 5;
const wavesRowsMin = 4;
const labelCells = 11;
/** Further apart, two ends of a line are no line. */
const titleColumnsMax = 100;
const columnsForAuthor = 60;
const columnsForKind = 60;

export function drawRollout(rollout: RolloutDetail, room: RolloutRoom): string[] {
  const head = headLines(rollout, room);
  const facts = section(factLines(rollout, room));
  const next = section(nextLines(rollout, room));
  const left = (room.rows ?? Infinity) - head.length - facts.length - next.length;
  const waves = section(
    drawWaves(rollout.waves, {
      ...room,
      rows: Math.max(left - 1, wavesRowsMin),
      isClosed: isClosed(rollout),
    }),
  );
  const failures = section(failureLines(rollout, room, left - waves.length - 1));
  const decisions = section(decisionLines(rollout, room, left - waves.length - failures.length - 1));
  const lines = [...head, ...waves, ...facts, ...failures, ...decisions, ...next].map((line) =>
    clip(line, room.columns),
  );
  return room.rows === null ? lines : lines.slice(0, Math.max(room.rows, 1));
}

/** Of a terminal that is narrower than any picture of it. */
function clip(line: string, columns: number): string {
  return widthOf(line) <= columns ? line : fit(stripVTControlCharacters(line), columns);
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

function headLines(rollout: RolloutDetail, { columns, colors, nowMs, hubAwayMs }: RolloutRoom): string[] {
  const { phase, revision } = rollout;
  const fromMs = Date.parse(rollout.startedAt ?? rollout.createdAt);
  const toMs = rollout.closedAt === null ? nowMs : Date.parse(rollout.closedAt);
  const time = ` ${isClosed(rollout) ? 'after' : 'for'} ${formatDuration(toMs - fromMs)}`;
  const title = titleOf(rollout, Math.min(columns, titleColumnsMax) - widthOf(phase + time) - 2);
  const author = authorName(revision.author);
  const by = author === '' || columns < columnsForAuthor ? '' : `, by ${author}`;
  const what = `${short(revision.commit)} ${subjectOf(revision.message)}`.trimEnd();
  const away = hubAwayMs === null ? '' : `the hub does not answer for ${formatDuration(hubAwayMs)}`;
  return [
    ends(colors.bold(title), statusColor(colors, phase) + time, Math.min(columns, titleColumnsMax)),
    fit(what, columns - widthOf(by)) + by,
    ...(away === '' ? [] : [colors.red(fit(away, columns))]),
  ];
}

/** With how many clusters are there, where that fits. */
function titleOf({ application, revisionNumber, kind, stage, waves }: RolloutDetail, cells: number): string {
  const [what, way] = kind === 'rollback' ? ['Rollback', 'from'] : ['Rollout', 'to'];
  const where = stage === '' ? '' : ` in ${stage}`;
  const title = `${what} of ${application} ${way} revision ${revisionNumber}${where}`;
  const total = waves.reduce((sum, wave) => sum + wave.total, 0);
  const done = waves.reduce((sum, { outcomes }) => sum + thereIn(outcomes), 0);
  const counted = [`${title}: ${done} of ${plural(total, 'cluster')}`, `${title}: ${done} of ${total}`];
  const fitting = waves.length === 0 ? undefined : counted.find((text) => widthOf(text) <= cells);
  return fitting ?? fit(title, cells);
}

function ends(left: string, right: string, columns: number): string {
  return `${left}${' '.repeat(Math.max(columns - widthOf(left) - widthOf(right), 1))}${right}`.trimEnd();
}

/** `12:20:00  Resumed     by ann`; narrower without the second word, which messages mostly say as well. */
export function decisionText(
  { at, kind, message }: RolloutDetail['events'][number],
  isWide: boolean,
): string {
  const words = isWide ? `${kind.padEnd(10)}  ` : '';
  return `${at.slice(11, 19)}  ${words}${harmless(message)}`.trimEnd();
}

function factLines(rollout: RolloutDetail, { columns, colors, nowMs }: RolloutRoom): string[] {
  const { waitsFor, until, deferred, estimatedEndAt, phase, phaseReason } = rollout;
  const fact = (label: string, text: string, paint: (line: string) => string = (line) => line) =>
    wrap(harmless(text), columns - labelCells, 3).map(
      (line, at) => colors.dim(column(at === 0 ? label : '', labelCells)) + paint(line),
    );
  const isHeld = phase === 'Paused' || waitsFor.startsWith('confirmation');
  const what = waitsFor.replace(/^(wave .+?) waits for /, '$1: ');
  const wait = `${what} ${leftWords(until, nowMs)}`.trimEnd();
  const returning = 'offline when their turn came; they get it when they return';
  return [
    ...(waitsFor === '' ? [] : fact('Waits for', wait, isHeld ? colors.yellow : undefined)),
    ...(isClosed(rollout) && phaseReason !== null ? fact('Result', phaseReason) : []),
    ...(deferred === 0 ? [] : fact('Deferred', `${deferred} ${returning}`)),
    ...(estimatedEndAt === null ? [] : fact('Ends', endWords(estimatedEndAt, nowMs))),
  ];
}

function failureLines({ failures }: RolloutDetail, { columns, colors }: RolloutRoom, rows: number): string[] {
  const shown = failures.first.slice(0, Math.min(failuresMax, Math.max(rows - 1, 0)));
  if (failures.total === 0 || rows < 1) return [];
  const reasons = Object.entries(failures.reasons)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
  const first = shown.length < failures.total && shown.length > 0 ? `, the first ${shown.length}` : '';
  const title = fit(`Failed: ${failures.total}${first} (${reasons})`, columns);
  const nameCells = Math.min(
    Math.max(...shown.map(({ cluster }) => widthOf(cluster)), 0),
    Math.floor(columns / 3),
  );
  return [colors.bold(title), ...shown.map((failure) => failureLine(failure, nameCells, columns, colors))];
}

function failureLine(
  { cluster, reason, message }: RolloutFailure,
  nameCells: number,
  columns: number,
  colors: Colors,
): string {
  const why = harmless(message === '' ? reason : `${reason}: ${message}`);
  return ` ${colors.red('✗')} ${column(cluster, nameCells)}  ${fit(why, columns - nameCells - 5)}`;
}

/** Newest last, as they happened. */
function decisionLines({ events }: RolloutDetail, { columns, colors }: RolloutRoom, rows: number): string[] {
  if (events.length === 0 || rows < 2) return [];
  const shown = events.slice(0, rows === Infinity ? events.length : rows - 1).toReversed();
  const isWide = columns >= columnsForKind;
  const lines = shown.map((event) => ` ${fit(decisionText(event, isWide), columns - 1)}`);
  return [colors.bold('Decisions') + colors.dim(' (UTC)'), ...lines];
}

/** What a person can do about what is waited for. */
function nextLines(rollout: RolloutDetail, { columns, colors }: RolloutRoom): string[] {
  const commands = commandsFor(rollout);
  return commands
    .map((command, at) => fit(`${column(at === 0 ? 'Next' : '', labelCells)}${command}`, columns))
    .map(colors.dim);
}

function commandsFor({ application, phase, kind, stage, waitsFor, waves }: RolloutDetail): string[] {
  const named = stage === '' ? application : `${application} --stage ${stage}`;
  if (phase === 'AwaitingSync') return [`flotilla app sync ${application}`];
  if (waitsFor.startsWith('confirmation')) return [`flotilla confirm ${application}`];
  const resume = `flotilla rollout resume ${named}`;
  if (phase === 'Paused')
    return kind === 'rollback' ? [resume] : [resume, `flotilla rollout rollback ${named}`];
  const waiting = waves.find(({ waitsFor: reason }) => reason.endsWith('waits for approval'));
  return waiting === undefined ? [] : [`flotilla rollout approve ${named} --wave ${waiting.name}`];
}
