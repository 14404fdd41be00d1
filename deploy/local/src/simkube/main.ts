/**
 * Simulated clusters as a program: `main.ts DIR NAME[:PORT]... [--audit]`. Prints one ready line with where each cluster is and
 * `notes` for people, such as of a snapshot that was set aside; ends in peace on SIGTERM or SIGINT.
 */
import { parseArgs } from 'node:util';
import { startSimkube, type SimkubeOptions } from './simkube.ts';

function optionsOf(args: string[]): SimkubeOptions {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { audit: { type: 'boolean' } },
  });
  const [dir, ...names] = positionals;
  if (dir === undefined || names.length === 0) throw new Error('usage: main.ts DIR NAME[:PORT]... [--audit]');
  const clusters = names.map((text) => {
    const [name = '', port] = text.split(':');
    return port === undefined ? { name } : { name, port: Number(port) };
  });
  return { dir, clusters, audit: values.audit ?? false };
}

async function main(): Promise<void> {
  const notes: string[] = [];
  const simkube = await startSimkube({
    ...optionsOf(process.argv.slice(2)),
    say: (message) => void notes.push(message),
  });
  const asked = new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  console.log(JSON.stringify({ msg: 'ready', clusters: simkube.clusters, notes }));
  await asked;
  await simkube.stop();
}

try {
  await main();
} catch (error) {
  console.error(JSON.stringify({ msg: (error as Error).message }));
  process.exitCode = 1;
}
