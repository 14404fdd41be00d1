/** Columns of targets, wherever they are listed. */
import type { Currency, Target } from '@flotilla/client/types';
import type { Session } from '../session.ts';
import { age, statusColor, type Column } from '../table.ts';

export function targetColumns({ colors, io }: Session) {
  return {
    application: { title: 'APPLICATION', value: (row: Target) => row.application },
    cluster: { title: 'CLUSTER', value: (row: Target) => row.cluster },
    sync: { title: 'SYNC', value: (row: Target) => statusColor(colors, row.sync) },
    health: { title: 'HEALTH', value: (row: Target) => statusColor(colors, row.health) },
    revision: { title: 'REVISION', value: revisionText },
    currency: { title: 'CURRENCY', value: (row: Target) => currencyText(row.currency) },
    seen: { title: 'CHANGED', value: (row: Target) => age(row.changedAt, io.now()) },
    message: { title: 'MESSAGE', value: messageOf },
  } satisfies Record<string, Column<Target>>;
}

export function currencyText({ state, behind, reason }: Currency): string {
  if (state === 'Behind') return `Behind(${behind})`;
  return reason === null ? state : `${state}(${reason})`;
}

function revisionText(row: Target): string {
  if (row.revisionNumber === null) return '-';
  if (row.observedRevision === null || row.observedRevision === row.revisionNumber)
    return `${row.revisionNumber}`;
  return `${row.observedRevision} → ${row.revisionNumber}`;
}

/** Of lists in which any application has stages. */
export function stageColumns(targets: readonly Target[]): Column<Target>[] {
  const isStaged = targets.some(({ stage }) => stage !== '');
  return isStaged ? [{ title: 'STAGE', value: ({ stage }) => stage || '-' }] : [];
}

/** Shown where clusters of one application get different bundles. */
export const variantColumn: Column<Target> = { title: 'VARIANT', value: variantText };

/** What of the cluster decided which bundle of the revision it gets: `region=eu, kubernetes=v1.36.3`. */
function variantText({ reads }: Target): string {
  const texts = Object.entries(reads).map(([name, value]) => {
    const of = name.replace(/^cluster\.(labels\.|facts\.)?/, '');
    return value === null ? `no ${of}` : `${of}=${value}`;
  });
  return oneLine(texts.toSorted().join(', '));
}

/** What a person should read first: a condition, a failed operation, why it is not healthy. */
function messageOf(row: Target): string {
  if (row.state === 'Removing') return `being removed (${row.removal ?? 'orphan'})`;
  const own = row.conditions.find(({ type }) => !ofSource.includes(type));
  if (own) return conditionText(own);
  if (row.operation && ['Failed', 'Error'].includes(row.operation.phase))
    return oneLine(row.operation.message);
  if (row.health !== 'Healthy' && row.healthMessage !== '') return oneLine(row.healthMessage);
  const [condition] = row.conditions;
  return condition ? conditionText(condition) : '';
}

/** Said of all targets alike: what one of them has to say for itself comes first. */
const ofSource = ['SourceError', 'RenderError', 'SourceRewritten'];

function conditionText({ type, message }: Target['conditions'][number]): string {
  return oneLine(`${type}: ${message}`);
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
