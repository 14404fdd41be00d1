/** What `kube-protobuf.json` holds: which field of a message has which number. Read once, when first asked for. */
import { readFileSync } from 'node:fs';

/** By definition, then by number: the field's name, or the message whose fields are the definition's own. */
export type ProtobufNumbers = Record<string, Record<string, string | [embedded: string]>>;

/** From `dist` as from `src`: the file is not built. */
const FILE = new URL('../../../src/simkube/schema/kube-protobuf.json', import.meta.url);

let loaded: ProtobufNumbers | undefined;

export function protobufNumbersOf(definition: string): ProtobufNumbers[string] | undefined {
  loaded ??= JSON.parse(readFileSync(FILE, 'utf8')) as ProtobufNumbers;
  return loaded[definition];
}
