/** Which test files belong to which tier: by name, or by folder for the suites. */
import { globSync } from 'node:fs';
import { root } from '../root.ts';
import type { Engine } from '../run.ts';

export const tiers = ['unit', 'db', 'cluster', 'fault'] as const;
export type Tier = (typeof tiers)[number];

const folders = ['domain', 'proto', 'prisma', 'agent', 'control-plane', 'deploy', 'test'];

/** The tier of a test file, by its path from the root. */
export function tierOf(file: string): Tier {
  if (file.startsWith('test/fault/')) return 'fault';
  if (file.startsWith('test/e2e/') || file.startsWith('test/conformance/')) return 'cluster';
  if (file.endsWith('.kube.test.ts')) return 'cluster';
  if (file.endsWith('.db.test.ts')) return 'db';
  return 'unit';
}

/**
 * On which engines a file's tests run: what an API server answers, and what agents do with it, holds for both; what
 * kills servers or goes through a whole fleet needs the real one. The tour brings simulated clusters of its own.
 */
export function enginesOf(file: string): readonly Engine[] {
  if (file.startsWith('deploy/local/src/demo/')) return ['sim'];
  const onBoth = file.startsWith('test/conformance/') || /^agent\/.*\.kube\.test\.ts$/.test(file);
  return onBoth ? ['sim', 'real'] : ['real'];
}

export function testFilesOf(tier: Tier): string[] {
  const files = folders.flatMap((folder) =>
    globSync(`${folder}/**/*.test.ts`, {
      cwd: root,
      exclude: (name) => name === 'node_modules' || name === 'dist',
    }),
  );
  return files.filter((file) => tierOf(file) === tier).toSorted();
}
