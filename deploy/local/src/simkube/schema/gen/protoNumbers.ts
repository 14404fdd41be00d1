/**
 * The numbers that fields have in Kubernetes' protobuf form, off the .proto files beside the Go types. What type a field
 * has, its definition says already.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenApiNode } from '../openApi.ts';
import type { ProtobufNumbers } from '../protobufNumbers.ts';
import { packageFolder, readModuleFolders } from './goTypes.ts';

interface ProtoField {
  /** Of a message: the name of its definition. */
  message: string | undefined;
  name: string;
  number: string;
}

const MESSAGE = /^message (\w+) \{\n([\s\S]*?)^\}/gm;
const FIELD = /^\s*(?:optional |repeated |required )?(map<.+>|[.\w]+) (\w+) = (\d+)/;

/** Of all definitions, and of the messages that Go embeds in them. */
export async function readProtobufNumbers(
  definitions: Record<string, OpenApiNode>,
): Promise<ProtobufNumbers> {
  const folders = await readModuleFolders();
  const messages = new Map<string, ProtoField[]>();
  const packages = new Set(Object.keys(definitions).map((name) => name.slice(0, name.lastIndexOf('.'))));
  for (const name of [...packages].sort()) {
    const folder = packageFolder(name, folders);
    const source = folder && (await readFile(join(folder, 'generated.proto'), 'utf8').catch(() => ''));
    if (source) readMessages(source, name, messages);
  }
  const numbers: ProtobufNumbers = {};
  for (const name of Object.keys(definitions)) number(name, definitions, messages, numbers);
  return Object.fromEntries(Object.entries(numbers).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readMessages(source: string, packageName: string, messages: Map<string, ProtoField[]>): void {
  const text = source.replaceAll(/^\s*\/\/.*\n/gm, '');
  for (const [, name = '', body = ''] of text.matchAll(MESSAGE)) {
    const fields = body.split('\n').flatMap((line) => {
      const [, type = '', field, number] = FIELD.exec(line) ?? [];
      if (field === undefined || number === undefined) return [];
      return [{ name: field, number, message: messageOf(type, packageName) }];
    });
    messages.set(`${packageName}.${name}`, fields);
  }
}

function messageOf(type: string, packageName: string): string | undefined {
  if (type.startsWith('.k8s.io.')) return type.replace('.k8s.io.', 'io.k8s.');
  return /^[A-Z]/.test(type) ? `${packageName}.${type}` : undefined;
}

function number(
  name: string,
  definitions: Record<string, OpenApiNode>,
  messages: ReadonlyMap<string, ProtoField[]>,
  numbers: ProtobufNumbers,
): void {
  const fields = messages.get(name);
  if (fields === undefined || numbers[name] !== undefined) return;
  const own: ProtobufNumbers[string] = (numbers[name] = {});
  const known = definitions[name]?.properties;
  for (const { name: written, number: at, message } of fields) {
    // Some are written as in Go: `Webhooks`.
    const property = Object.keys(known ?? {}).find((each) => each.toLowerCase() === written.toLowerCase());
    const isEmbedded = known !== undefined && property === undefined && message !== undefined;
    own[at] = isEmbedded ? [message] : (property ?? written);
    if (isEmbedded) number(message, definitions, messages, numbers);
  }
}
