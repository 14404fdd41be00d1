/** Which clusters a selector means: Kubernetes' label selectors, evaluated by Kubernetes' rules. */

export type Labels = Readonly<Record<string, string>>;

export type Requirement =
  | { key: string; operator: 'In' | 'NotIn'; values: readonly string[] }
  | { key: string; operator: 'Exists' | 'DoesNotExist' };

export interface Selector {
  matchLabels?: Labels;
  matchExpressions?: readonly Requirement[];
}

/** True when every label and requirement holds. An empty selector matches everything; NotIn also matches a missing key. */
export function matchesSelector(selector: Selector, labels: Labels): boolean {
  const pairs = Object.entries(selector.matchLabels ?? {});
  return (
    pairs.every(([key, value]) => valueOf(labels, key) === value) &&
    (selector.matchExpressions ?? []).every((requirement) => holds(requirement, labels))
  );
}

function holds(requirement: Requirement, labels: Labels): boolean {
  const value = valueOf(labels, requirement.key);
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
