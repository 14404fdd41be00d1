/** The one entry to the health rules: what every kind has in common, then the rule for the kind. */
import { policyOf } from '../object/annotations.ts';
import { groupOf } from '../object/identity.ts';
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { verdict } from './condition.ts';
import { conventionalHealth } from './conventions.ts';
import type { UserRules } from './health.ts';
import { textAt } from './read.ts';
import { ruleFor } from './rules.ts';

/**
 * Health of a live object, or null when it has none: no rule and no usable conditions, or left out by
 * annotation (`ignore-healthcheck: "true"`). Never throws, whatever the object looks like. A user's rule that does
 * not speak about the object (null) leaves it to the rules below.
 */
export function healthOf(
  object: KubeObject,
  related: readonly KubeObject[] = [],
  userRules?: UserRules,
): Health | null {
  if (policyOf(object).ignoreHealth) return null;
  if (textAt(object, 'metadata', 'deletionTimestamp') !== '')
    return verdict('Progressing', 'pending deletion');
  const byUser = userRules?.(object)?.(object);
  if (byUser !== undefined && byUser !== null) return byUser;
  const rule = ruleFor(groupOf(object.apiVersion), object.kind);
  return rule === undefined ? conventionalHealth(object) : rule(object, related);
}
