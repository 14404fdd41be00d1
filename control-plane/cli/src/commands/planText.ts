/** A plan for people: the sentence first, then each group of clusters once with what would change, then who did not say. */
import type { Plan, PlanDiff, PlanGroup, PlannedObject, PlanResult } from '@flotilla/client/types';
import type { Colors } from '../colors.ts';
import { valueLines } from './valueLines.ts';

const objectsMax = 50;
const fieldsMax = 20;

export function planText(
  colors: Colors,
  plan: Plan,
  diffs: ReadonlyMap<string, PlanDiff>,
  unheard: readonly PlanResult[],
  groupsMax: number,
): string {
  const shown = plan.groups.slice(0, groupsMax);
  const left = plan.groups.length - shown.length + plan.groupsOmitted;
  const more = left > 0 ? [colors.dim(`and ${left} more groups: --groups, or -o json`)] : [];
  const parts = [
    headOf(colors, plan),
    ...shown.flatMap((group) => groupText(colors, group, diffs.get(group.digest))),
    ...more,
    ...unheardText(colors, plan, unheard),
  ];
  return parts.join('\n\n');
}

function headOf(
  colors: Colors,
  { application, revision, commit, message, author, phase, ...plan }: Plan,
): string {
  const [subject = ''] = message.split('\n');
  const by = author === '' ? '' : `, by ${author}`;
  const what = commit === null ? '' : ` (${commit.slice(0, 8)}${subject === '' ? '' : ` ${subject}`}${by})`;
  const title = `${colors.bold(application)} at ${revision}${what}`;
  if (phase === 'Failed') return `${title}\n${colors.red(`would fail everywhere: ${plan.error ?? ''}`)}`;
  return `${title}\n${verdictColor(colors, plan.verdict)(plan.summary)}`;
}

function verdictColor(colors: Colors, verdict: Plan['verdict']): (text: string) => string {
  switch (verdict) {
    case 'clean':
      return colors.green;
    case 'failing':
      return colors.red;
    case 'changes':
    case 'incomplete':
    case null:
      return colors.yellow;
  }
}

/** A group in which nothing changes is said by the sentence already. */
function groupText(colors: Colors, group: PlanGroup, diff: PlanDiff | undefined): string[] {
  if (group.verdict === 'clean') return [];
  const { clusters, sample, counts } = group;
  const names = sample.join(', ') + (clusters > sample.length ? ', …' : '');
  const title = `${verdictColor(colors, group.verdict)('●')} ${colors.bold(clusters === 1 ? '1 cluster' : `${clusters} clusters`)}: ${names}`;
  const objects = diff?.objects ?? [];
  const lines = objects.slice(0, objectsMax).flatMap((planned) => objectLines(colors, planned));
  const unlisted = objects.length - Math.min(objects.length, objectsMax) + (diff?.omitted?.count ?? 0);
  const notes = [
    ...(objects.length === 0 ? ['its diff is not kept: there are too many different ones'] : []),
    ...(unlisted > 0 ? [`and ${unlisted} more objects`] : []),
    ...(counts.unchanged > 0 ? [`${counts.unchanged} unchanged`] : []),
  ].map((note) => `  ${colors.dim(note)}`);
  return [[title, ...lines, ...notes].join('\n')];
}

function objectLines(colors: Colors, planned: PlannedObject): string[] {
  const { action, object, note = '' } = planned;
  const kind = object.group === '' ? object.kind : `${object.group}/${object.kind}`;
  const name = object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
  const remark = remarkOf(planned);
  const words = [remark, note].filter((text) => text !== '').join('; ');
  const line = `  ${actionColor(colors, action)(action.padEnd(7))} ${kind} ${name}`;
  const said = action === 'fail' || action === 'unknown' ? [`          ${colors.red(words)}`] : [];
  const head = words === '' || said.length > 0 ? line : `${line} ${colors.dim(`(${words})`)}`;
  return [head, ...said, ...fieldLines(colors, planned)];
}

function remarkOf({ action, phase = '', reason = '', message = '', recreated }: PlannedObject): string {
  if (action === 'run') return `${phase} hook`;
  if (action === 'keep') return `left the sources, would stay: ${reason}`;
  if (action === 'change') return recreated === true ? 'recreated' : '';
  return message;
}

function fieldLines(colors: Colors, { fields = [], omitted }: PlannedObject): string[] {
  const lines = fields.slice(0, fieldsMax).flatMap((field) => valueLines(colors, field));
  const more = Math.max(0, fields.length - fieldsMax) + (omitted?.count ?? 0);
  return more > 0 ? [...lines, `          ${colors.dim(`and ${more} more fields`)}`] : lines;
}

function actionColor(colors: Colors, action: PlannedObject['action']): (text: string) => string {
  switch (action) {
    case 'fail':
    case 'delete':
      return colors.red;
    case 'create':
      return colors.green;
    case 'change':
      return colors.yellow;
    case 'run':
      return colors.cyan;
    case 'unknown':
      return colors.magenta;
    case 'keep':
    case 'unchanged':
      return colors.dim;
  }
}

function unheardText(colors: Colors, { tally }: Plan, unheard: readonly PlanResult[]): string[] {
  if (unheard.length === 0) return [];
  const lines = unheard.map(({ cluster, state, message }) => {
    return `  ${colors.dim(state.padEnd(8))} ${cluster}${message === '' ? '' : `: ${message}`}`;
  });
  const more = tally.error + tally.noAnswer + tally.offline - unheard.length;
  const rest = more > 0 ? [`  ${colors.dim(`and ${more} more`)}`] : [];
  return [['Not known', ...lines, ...rest].join('\n')];
}
