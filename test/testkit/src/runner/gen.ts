/**
 * `npm run gen`: TypeScript from the contracts (proto, schema). What is generated is not committed; a part whose
 * inputs are as they were is left alone.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../root.ts';
import { runTool, type CommandResult } from './command.ts';

interface Part {
  name: string;
  /** Globs from the root. */
  inputs: string[];
  /** Exists once the part was made. */
  output: string;
  make: () => Promise<CommandResult>;
}

const parts: Part[] = [
  {
    name: 'proto',
    inputs: ['proto/flotilla/**/*.proto', 'buf.yaml', 'buf.gen.yaml', 'package-lock.json'],
    output: 'proto/src/gen/flotilla/agent/v1/hub_pb.js',
    make: () => runTool('@bufbuild/buf/bin/buf', ['generate']),
  },
  {
    name: 'prisma',
    inputs: ['prisma/schema.prisma', 'prisma/schema-engine.mjs', 'prisma.config.ts', 'package-lock.json'],
    output: 'prisma/src/client/client.ts',
    make: () => runTool('prisma/build/index.js', ['generate', '--no-hints']),
  },
];

function hashOf(globs: string[]): string {
  const hash = createHash('sha256');
  for (const file of globs.flatMap((glob) => globSync(glob, { cwd: root })).toSorted()) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

async function makePart(part: Part): Promise<void> {
  const stamp = path.join(root, 'node_modules', `.flotilla-gen-${part.name}`);
  const hash = hashOf(part.inputs);
  const isCurrent =
    existsSync(path.join(root, part.output)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  if (isCurrent) return;
  const result = await part.make();
  if (result.code !== 0) throw new Error(`generating ${part.name} failed:\n${result.output}`);
  writeFileSync(stamp, hash);
}

export async function generate(): Promise<void> {
  for (const part of parts) await makePart(part);
}

if (import.meta.main) await generate();
