/**
 * What our field manager owns and what stands there now, as one text: as long as it is the text of the server's answer to
 * our last apply, no field that we applied has drifted, whatever the server defaulted or others wrote beside it. A hash of it is
 * enough to remember, where keeping every answer would not be.
 */
import { canonicalText } from '../bundle/canonical.ts';
import type { Json, KubeObject } from '../object/types.ts';
import { fieldManager } from './drift.ts';
import { formatPath, leafPaths, managedEntries, valueAt } from './managedFields.ts';

/** One line a field, in document order; '' where we own nothing. */
export function ownValuesText(object: KubeObject): string {
  const ours = managedEntries(object).find(
    (entry) => entry.manager === fieldManager && entry.operation === 'Apply' && entry.subresource === '',
  );
  if (ours === undefined) return '';
  const lines = leafPaths(ours.fields).map((path) => {
    return `${formatPath(path)} ${shown(valueAt(object, path))}`;
  });
  return lines.join('\n');
}

/**
 * Of a map or list only that it is there: whoever changes one that is owned as a whole takes it from us, and one that we
 * sent empty (`emptyDir: {}`) others may fill without touching what is ours.
 */
function shown(value: Json | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'object' && value !== null ? '…' : canonicalText(value);
}
