/** Reading and replacing labels and annotations. Objects are never changed in place: whoever holds one may rely on it. */
import type { Json, JsonMap, KubeObject } from './types.ts';

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function labelsOf(object: KubeObject): Record<string, string> {
  return stringMap(object.metadata['labels']);
}

export function annotationsOf(object: KubeObject): Record<string, string> {
  return stringMap(object.metadata['annotations']);
}

/** The object with these keys set (text) or removed (null) in `metadata.labels` or `metadata.annotations`; an emptied map goes. */
export function withMetadata(
  object: KubeObject,
  field: 'labels' | 'annotations',
  changes: Record<string, string | null>,
): KubeObject {
  const merged = stringMap(object.metadata[field]);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  const { [field]: _old, ...rest } = object.metadata;
  const empty = Object.keys(merged).length === 0;
  return {
    ...object,
    metadata: { ...rest, name: object.metadata.name, ...(empty ? {} : { [field]: merged }) },
  };
}

function stringMap(value: Json | undefined): Record<string, string> {
  const texts: Record<string, string> = {};
  if (!isMap(value)) return texts;
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === 'string') texts[key] = text;
  }
  return texts;
}
