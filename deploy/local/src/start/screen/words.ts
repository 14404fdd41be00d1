/** What happened, in people's words. */
import type { Transition } from '@flotilla/client/types';
import { harmless } from '@flotilla/client/cells';
import { spell, spellShort } from './text.ts';
import type { Tone } from './view.ts';

export function statusTone(word: string): Tone {
  if (['Completed', 'Succeeded', 'Healthy', 'Synced'].includes(word)) return 'good';
  if (['Running', 'Queued', 'AwaitingSync', 'Progressing'].includes(word)) return 'moving';
  return 'bad';
}

interface DriftDetail {
  object?: { kind?: string; name?: string };
  fields?: { path: string; manager: string; time: string }[];
  reverted?: boolean;
}

/** `madeAtMs`: when it was changed, where that is known better than to the second. */
export function driftWords(drift: Transition, madeAtMs?: number): string {
  const { object, fields = [], reverted } = drift.detail as DriftDetail;
  const [field] = fields;
  const what = `${(object?.kind ?? 'object').toLowerCase()} ${object?.name ?? drift.to ?? ''}`;
  const change = field === undefined ? 'changed or deleted' : changeOf(field.path);
  const others = fields.length > 1 ? ` and ${fields.length - 1} more` : '';
  const who = field === undefined || field.manager === '' ? '' : ` by ${field.manager}`;
  const end = reverted === true ? `put back${afterOf(drift, field?.time ?? '', madeAtMs)}` : 'left as it is';
  const isLate = Date.parse(drift.at) - Date.parse(drift.agentAt ?? drift.at) > lateMs;
  const late = isLate ? ', told now that the hub is back' : '';
  return harmless(`${drift.cluster}: ${what} ${change}${others}${who}, ${end}${late}`);
}

/** An agent tells at once, if there is a hub. */
const lateMs = 3000;

function changeOf(path: string): string {
  const name = path.replace(/^[./]/, '');
  return /^spec[./]replicas$/.test(name) ? 'scaled' : `changed at ${name}`;
}

/** Later than this it was somebody else's. */
const ownDriftMs = 30_000;

/** managedFields keep whole seconds, so that alone gives only a bound. */
function afterOf({ agentAt, at }: Transition, fieldTime: string, madeAtMs: number | undefined): string {
  const revertedAtMs = Date.parse(agentAt ?? at);
  const ownMs = madeAtMs === undefined ? -1 : revertedAtMs - madeAtMs;
  if (ownMs >= 0 && ownMs < ownDriftMs) return ` after ${spellShort(ownMs)}`;
  const sinceMs = revertedAtMs - Date.parse(fieldTime);
  if (!Number.isFinite(sinceMs) || sinceMs < 0) return '';
  return ` within ${spell(Math.max(Math.ceil(sinceMs / 1000), 1) * 1000).replace('.0 s', ' s')}`;
}

/** `commit 3fa9c1d "Three of them"`. */
export function commitWords({ commit, message }: { commit: string; message: string }): string {
  const subject = harmless(message.split('\n')[0] ?? '');
  return `commit ${commit.slice(0, 7)}${subject === '' ? '' : ` "${subject}"`}`;
}

/** The name without the address. */
export function authorWords(author: string): string {
  return harmless(author.replace(/\s*<[^>]*>/, ''));
}
