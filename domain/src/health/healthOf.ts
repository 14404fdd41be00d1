/** The one entry to the health rules: what every kind has in common, then the rule for the kind. */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import type { UserRules } from './health.ts';

/**
 * Health of a live object, or null when it has none: no rule and no usable conditions, or left out by
 * `argocd.argoproj.io/ignore-healthcheck: "true"`. Never throws, whatever the object looks like.
 */
export declare function healthOf(
  object: KubeObject,
  related?: readonly KubeObject[],
  userRules?: UserRules,
): Health | null;
