/** `npm run build`: generated code, then everything by one `tsc -b`, then the agent as one file. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { root } from '../root.ts';
import { runTool } from './command.ts';
import { generate } from './gen.ts';

/** The design's cap on the agent's one file. */
const agentBytesMax = 5 * 1024 * 1024;

async function bundleAgent(): Promise<void> {
  const bundle = await rolldown({
    input: path.join(root, 'agent/dist/main.js'),
    platform: 'node',
    logLevel: 'silent',
    // gRPC asks for it only where a server is to describe itself, which no agent does.
    external: ['@grpc/proto-loader'],
  });
  const minify = { mangle: false, codegen: true };
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, minify });
  await bundle.close();
  const text = asciiOnly(output[0].code);
  const file = path.join(root, 'agent/dist/agent.mjs');
  if (text.length > agentBytesMax)
    throw new Error(`${file} would have ${text.length} bytes, more than ${agentBytesMax}`);
  writeFileSync(file, text);
}

/** One character beyond Latin-1 and a JavaScript engine keeps two bytes for each of a program's, as long as it runs. */
function asciiOnly(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export async function build(): Promise<void> {
  await generate();
  const compiled = await runTool('ts7/bin/tsc', ['-b']);
  if (compiled.code !== 0) throw new Error(`tsc -b failed:\n${compiled.output}`);
  await bundleAgent();
}

if (import.meta.main) await build();
