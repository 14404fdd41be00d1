/** One configuration for every tier; the runner picks files by name (`x.test.ts`, `x.db.test.ts`, `x.kube.test.ts`). */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@flotilla/source'] },
  ssr: { resolve: { conditions: ['@flotilla/source'], externalConditions: ['@flotilla/source'] } },
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '.flotilla/**'],
    environment: 'node',
    pool: 'forks',
    execArgv: ['--conditions=@flotilla/source'],
    maxWorkers: 2,
    testTimeout: 60_000,
    // Longer than a file waits for its clusters: `test/testkit/src/lease.ts` says then who has them.
    hookTimeout: 660_000,
    retry: 0,
  },
});
