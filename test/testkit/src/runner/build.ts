/** `npm run build`: generated code, then everything by one `tsc -b`, then the agent as one file. */
import { statSync } from 'node:fs';
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
  });
  const file = path.join(root, 'agent/dist/agent.mjs');
  await bundle.write({ file, format: 'esm', codeSplitting: false, minify: { mangle: false, codegen: true } });
  await bundle.close();
  const sizeBytes = statSync(file).size;
  if (sizeBytes > agentBytesMax) throw new Error(`${file} is ${sizeBytes} bytes, more than ${agentBytesMax}`);
}

export async function build(): Promise<void> {
  await generate();
  const compiled = await runTool('ts7/bin/tsc', ['-b']);
  if (compiled.code !== 0) throw new Error(`tsc -b failed:\n${compiled.output}`);
  await bundleAgent();
}

if (import.meta.main) await build();
