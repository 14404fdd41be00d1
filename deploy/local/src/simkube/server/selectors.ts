/** Label and field selectors of lists and watches, in Kubernetes' own syntax. */
import type { KubeObject } from '../types.ts';
import { badRequest } from './apiError.ts';
import { fieldValue, requirementsOf } from './selectableFields.ts';
import type { ListSelection } from './store.ts';

export type Predicate = (object: KubeObject) => boolean;

interface Requirement {
  key: string;
  operator: 'in' | 'notin' | 'exists' | 'missing' | 'above' | 'below';
  values: string[];
}

const always: Predicate = () => true;

export function predicateOf({ namespace, labelSelector, fieldSelector }: ListSelection): Predicate {
  const tests: Predicate[] = [];
  if (namespace) tests.push((object) => object.metadata.namespace === namespace);
  if (labelSelector) tests.push(labelPredicate(labelSelector));
  if (fieldSelector) tests.push(fieldPredicate(fieldSelector));
  if (tests.length === 0) return always;
  return (object) => tests.every((test) => test(object));
}

export function labelPredicate(selector: string): Predicate {
  const requirements = splitTop(selector).map(requirementOf);
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return requirements.every((requirement) => holds(requirement, labels[requirement.key]));
  };
}

function holds({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'exists':
      return value !== undefined;
    case 'missing':
      return value === undefined;
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'above':
      return Number(value) > Number(values[0]);
    case 'below':
      return Number(value) < Number(values[0]);
  }
}

/** At commas outside parentheses. */
function splitTop(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function requirementOf(text: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return { key: set[1] ?? '', operator: set[2] as 'in' | 'notin', values };
  }
  const equality = /^([^\s=!<>]+)\s*(==|=|!=|>|<)\s*([^\s=!<>]*)$/.exec(text);
  if (equality) {
    const operators = { '==': 'in', '=': 'in', '!=': 'notin', '>': 'above', '<': 'below' } as const;
    const operator = operators[equality[2] as keyof typeof operators];
    return { key: equality[1] ?? '', operator, values: [equality[3] ?? ''] };
  }
  const bare = /^(!?)\s*([^\s=!<>()]+)$/.exec(text);
  if (!bare) throw badRequest(`unable to parse requirement: found '${text}'`);
  return { key: bare[2] ?? '', operator: bare[1] === '!' ? 'missing' : 'exists', values: [] };
}

function fieldPredicate(selector: string): Predicate {
  const tests = requirementsOf(selector);
  return (object) => tests.every(({ name, value, equal }) => (fieldValue(object, name) === value) === equal);
}
