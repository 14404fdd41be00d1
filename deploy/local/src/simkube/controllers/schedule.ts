/** The scheduler's part: whether a pod may run on the one node, and if not, why, in the scheduler's words. */
import type { KubeObject } from '../types.ts';
import { selects } from './objects.ts';
import type { LabelSelector, PodSpec } from './shapes.ts';

interface NodeTerm {
  matchExpressions?: NonNullable<LabelSelector['matchExpressions']>;
  matchFields?: { key: string; operator: string; values?: string[] }[];
}

export interface ClaimSight {
  name: string;
  state: 'bound' | 'unbound' | 'missing';
}

export function unfitReason(spec: PodSpec, node: KubeObject): string | undefined {
  const labels = node.metadata.labels;
  const isSelected = selects({ matchLabels: spec.nodeSelector ?? {} }, labels);
  if (isSelected && termsOf(spec).some((term) => fits(term, node))) return undefined;
  return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
}

/** Why a pod with these claims cannot be scheduled yet. */
export function claimReason(claims: readonly ClaimSight[]): string | undefined {
  const missing = claims.find(({ state }) => state === 'missing');
  if (missing !== undefined)
    return `0/1 nodes are available: persistentvolumeclaim "${missing.name}" not found. not found`;
  if (!claims.some(({ state }) => state === 'unbound')) return undefined;
  return '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found';
}

function termsOf(spec: PodSpec): NodeTerm[] {
  const affinity = spec['affinity'] as
    | {
        nodeAffinity?: {
          requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: NodeTerm[] };
        };
      }
    | undefined;
  return affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}];
}

function fits({ matchExpressions = [], matchFields = [] }: NodeTerm, node: KubeObject): boolean {
  const fields = { 'metadata.name': node.metadata.name ?? '' };
  return (
    selects({ matchExpressions }, node.metadata.labels) && selects({ matchExpressions: matchFields }, fields)
  );
}
