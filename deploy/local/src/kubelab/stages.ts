/**
 * The stages by which kwok plays kubelets: its own, kept off pods that are to fail, and ours for those (stages/*.yaml).
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { KUBELAB_SOURCE_DIR } from './locate.ts';

const run = promisify(execFile);

/** On a pod template; its values are in stages/fail.yaml. */
export const FAIL_ANNOTATION = 'flotilla.dev/test-fail';

interface Stage {
  metadata: { name: string };
  spec: { selector: { matchExpressions: { key: string; operator: string; values?: string[] }[] } };
}

export async function kwokStages(binDir: string): Promise<string> {
  const { stdout } = await run(join(binDir, 'kubelab'), ['kwok-stages']);
  const own = parseAllDocuments(stdout).map((document) => document.toJS() as Stage);
  const folder = join(KUBELAB_SOURCE_DIR, 'stages');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const ours = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return [...own.map((stage) => stringify(keepOffFailing(stage))), ...ours].join('\n---\n');
}

function keepOffFailing(stage: Stage): Stage {
  if (stage.metadata.name !== 'pod-ready' && stage.metadata.name !== 'pod-complete') return stage;
  stage.spec.selector.matchExpressions.push({
    key: `.metadata.annotations["${FAIL_ANNOTATION}"]`,
    operator: 'DoesNotExist',
  });
  return stage;
}
