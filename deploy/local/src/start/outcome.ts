/** What `npm start` hands to scripts and to people once it runs. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import pc from 'picocolors';
import type { Fleet } from './fleet.ts';
import { outcomeOf, type Snapshot } from './progress.ts';
import { MAIN_APPLICATION, NAMESPACE } from './sample.ts';
import { say } from './say.ts';

export interface TookMs {
  /** Installation and first build. */
  setup: number;
  /** From then until everything runs. */
  start: number;
  /** From then until all is Healthy. */
  healthy: number;
}

const KUBECONFIGS_MAX = 6;

export async function writeOutcome(
  file: string,
  fleet: Fleet,
  snapshot: Snapshot,
  tookMs: TookMs,
  commit: string,
): Promise<void> {
  const { url, token, caFile } = fleet.hub();
  const clusters = fleet.clusters.map(({ name, kubeconfig }) => ({
    name,
    kubeconfig,
    ...outcomeOf(snapshot, name),
  }));
  const outcome = { url, token, caFile, engine: fleet.engine.name, tookMs, commit, clusters };
  await writeFile(file, `${JSON.stringify(outcome, null, 2)}\n`);
}

/** Where everything is, and three things to try. `hubBackBy`: what a person does to have the hub back. */
export function sayWhatToTry(fleet: Fleet, hubBackBy: string): void {
  const hub = fleet.hub();
  const caFile = relative(process.cwd(), hub.caFile);
  say(`\n${pc.bold('Your fleet runs.')} Ctrl-C stops it; npm start continues it.`);
  say(`  hub     ${hub.url}   its CA: ${caFile}`);
  say(`  token   ${hub.token}`);
  say(`  engine  ${fleet.engine.description}`);
  for (const { name, kubeconfig, context } of fleet.clusters.slice(0, KUBECONFIGS_MAX)) {
    say(`  ${name.padEnd(14)} ${kubeconfig}${context === undefined ? '' : ` (context ${context})`}`);
  }
  const further = fleet.clusters.length - KUBECONFIGS_MAX;
  if (further > 0) say(`  … and ${further} more beside them`);
  say(`\n${pc.bold('Look at it')}`);
  say(`  export FLOTILLA_URL=${hub.url} FLOTILLA_TOKEN=${hub.token} FLOTILLA_CA_FILE=${hub.caFile}`);
  say('  npm run -s flotilla -- status');
  say(`\n${pc.bold('Push a change')}`);
  say(
    `  cd ${relative(process.cwd(), fleet.config.folder)} && sed -i.bak 's/replicas: 2/replicas: 3/' shop/deployment.yaml \\`,
  );
  say("    && git commit -qam 'Three of them' && git push; cd -");
  say(`  npm run -s flotilla -- rollout get ${MAIN_APPLICATION} --watch`);
  say(`\n${pc.bold('Break something')}: the agent mends it, and its history says who it was`);
  for (const line of breakCommand(fleet)) say(`  ${line}`);
  say(
    `\n${pc.bold('Stop the hub')}: the agents go on without it. Break something again; ${hubBackBy} brings the hub back`,
  );
  say(`  kill ${hub.program.pid}\n`);
}

function breakCommand(fleet: Fleet): string[] {
  const [cluster] = fleet.clusters;
  if (cluster === undefined) return [];
  const context = cluster.context === undefined ? '' : ` --context ${cluster.context}`;
  const access = `--kubeconfig ${relative(process.cwd(), cluster.kubeconfig)}${context}`;
  const command = `kubectl ${access} -n ${NAMESPACE} scale deployment web --replicas=1`;
  return hasKubectl()
    ? [command]
    : [command, '(kubectl is not on the PATH: https://kubernetes.io/docs/tasks/tools)'];
}

function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
