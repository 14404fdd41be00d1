/**
 * Entry of a renderer: a process without environment, credentials, network or files, that is given trees on stdin and
 * answers with bundles on stdout. It serves one project, so that nothing of one tenant's files can change another's.
 */
import { encodeIndex } from '@flotilla/domain/bundle/bundleIndex';

import { decodeTree } from '../../sources/trees.ts';
import type { RenderProblem } from './problem.ts';
import { renderSources, type FileCache, type RenderResult, type RenderSource } from './manifests.ts';
import { renderVariants } from './variants.ts';
import {
  cut,
  encodeMessage,
  MessageReader,
  type RenderReplyHeader,
  type RenderRequestHeader,
  type VariantsReplyHeader,
} from './wire.ts';
import { yamlDefaults } from './yaml.ts';

const requestBytesMax = 160 << 20;
/** Of file contents and rendered lines that are kept. */
const cacheBytesMax = 64 << 20;

function makeCache(): FileCache {
  type File = Parameters<FileCache['set']>[1];
  const held = new Map<string, { rendered: File; sizeBytes: number }>();
  let bytes = 0;
  return {
    get: (key) => {
      const entry = held.get(key);
      if (entry === undefined) return undefined;
      held.delete(key);
      held.set(key, entry);
      return entry.rendered;
    },
    set: (key, rendered, sizeBytes) => {
      held.set(key, { rendered, sizeBytes });
      bytes += sizeBytes;
      for (const [oldest, entry] of held) {
        if (bytes <= cacheBytesMax) return;
        held.delete(oldest);
        bytes -= entry.sizeBytes;
      }
    },
  };
}

const cache = makeCache();
const reader = new MessageReader(requestBytesMax);

function answer(header: RenderRequestHeader, bytes: Buffer): Uint8Array[] {
  const frames = cut(
    bytes,
    header.sources.flatMap((source) => source.frames),
  );
  let at = 0;
  const sources: RenderSource[] = header.sources.map(({ path, directory, template, frames: lengths }) => {
    const own = frames.slice(at, at + lengths.length);
    at += lengths.length;
    return { path, directory, template: template ?? null, tree: decodeTree(own) };
  });
  if (header.variants === undefined) {
    const { reply, bytes: made } = replyOf(renderSources(sources, yamlDefaults, cache));
    return encodeMessage(reply, made);
  }
  const variants = renderVariants(sources, header.variants, yamlDefaults, cache).map(({ reads, result }) => ({
    reads,
    ...replyOf(result),
  }));
  const reply: VariantsReplyHeader = {
    variants: variants.map(({ reads, reply: one }) => ({ reads, ...one })),
  };
  return encodeMessage(
    reply,
    variants.flatMap(({ bytes: made }) => made),
  );
}

/** A name in a file may be as long as the file: the hub takes no more than this of a message. */
const messageCharactersMax = 2000;

function shortened(problem: RenderProblem): RenderProblem {
  return { ...problem, message: problem.message.slice(0, messageCharactersMax) };
}

function replyOf(result: RenderResult): { reply: RenderReplyHeader; bytes: Uint8Array[] } {
  if (!result.ok) return { reply: { ok: false, problems: result.problems.map(shortened) }, bytes: [] };
  const { index, frames } = result.bundle;
  const encoded = encodeIndex(index);
  const lengths = frames.map((frame) => frame.byteLength);
  return {
    reply: { ok: true, index: encoded.byteLength, frames: lengths },
    bytes: [encoded, ...frames],
  };
}

process.stdin.on('data', (chunk: Buffer) => {
  for (const { header, bytes } of reader.push(chunk)) {
    process.stdout.write(Buffer.concat(answer(header as RenderRequestHeader, bytes)));
  }
});
process.stdin.on('end', () => process.stdout.end());
