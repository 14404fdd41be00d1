/** Which ignore rules concern an object, and the places they mean in it. */
import type { IgnoreRule } from '../desired/entry.ts';
import { identityOf } from '../object/identity.ts';
import type { Identity, KubeObject } from '../object/types.ts';
import { matchesGlob } from '../placement/glob.ts';
import { parseJqPath, placesOf } from './jqPath.ts';
import { getAt, parsePointer } from './pointer.ts';

/** A rule without a field matches every value of it; `*` is any. */
export function rulesFor(rules: readonly IgnoreRule[], identity: Identity): IgnoreRule[] {
  const matches = (pattern: string | undefined, value: string) =>
    pattern === undefined || matchesGlob(pattern, value);
  return rules.filter(
    (rule) =>
      matches(rule.group, identity.group) &&
      matches(rule.kind, identity.kind) &&
      matches(rule.namespace, identity.namespace) &&
      matches(rule.name, identity.name),
  );
}

/** The places that pointers and jq-style paths mean in this object, where something is there. Unreadable ones mean none. */
export function ignoredPlaces(object: KubeObject, rules: readonly IgnoreRule[]): string[][] {
  return rulesFor(rules, identityOf(object)).flatMap((rule) => [
    ...(rule.jsonPointers ?? []).flatMap((pointer) => pointerPlaces(object, pointer)),
    ...(rule.jqPathExpressions ?? []).flatMap((text) => jqPlaces(object, text)),
  ]);
}

function pointerPlaces(object: KubeObject, pointer: string): string[][] {
  const keys = parsePointer(pointer);
  return keys !== null && keys.length > 0 && getAt(object, keys) !== undefined ? [keys] : [];
}

function jqPlaces(object: KubeObject, text: string): string[][] {
  const parsed = parseJqPath(text);
  return parsed.ok ? placesOf(parsed.steps, object).filter((keys) => keys.length > 0) : [];
}

export function ignoredManagers(object: KubeObject, rules: readonly IgnoreRule[]): string[] {
  return rulesFor(rules, identityOf(object)).flatMap((rule) => rule.managedFieldsManagers ?? []);
}

/** What is wrong with the rules themselves: a pointer without slash, a jq program beyond paths and `select(.a == "b")`. */
export function ignoreRuleProblems(rules: readonly IgnoreRule[]): string[] {
  return rules.flatMap((rule) => [
    ...(rule.jsonPointers ?? [])
      .filter((pointer) => !parsePointer(pointer)?.length)
      .map((pointer) => `${JSON.stringify(pointer)} is no JSON pointer to a field`),
    ...(rule.jqPathExpressions ?? [])
      .map(parseJqPath)
      .flatMap((parsed) => (parsed.ok ? [] : [parsed.reason])),
  ]);
}
