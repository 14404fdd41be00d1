/**
 * `ignoreDifferences`: ignored fields are stripped from what we apply when another manager owns them; where we are the only
 * owner the live value is kept, and the PATCH carries live's resourceVersion, so that it cannot race an autoscaler.
 */
import type { IgnoreRule } from '../desired/entry.ts';
import type { KubeObject } from '../object/types.ts';

export interface IgnoreResult {
  /** What to apply. */
  object: KubeObject;
  /** JSON pointers left out. */
  stripped: string[];
  /** JSON pointers whose live value was copied; when not empty, `object` carries live's resourceVersion. */
  kept: string[];
}

export declare function applyIgnoreRules(input: {
  desired: KubeObject;
  live: KubeObject | null;
  rules: IgnoreRule[];
}): IgnoreResult;

/** What is wrong with the rules themselves (a pointer without slash, a jq program beyond paths and `select(.a == "b")`). */
export declare function ignoreRuleProblems(rules: IgnoreRule[]): string[];
