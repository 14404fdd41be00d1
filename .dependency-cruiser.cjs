/** What holds inside packages; between packages see eslint.config.mjs. */
const capabilities = ['access', 'applications', 'clusters', 'rendering', 'rollouts', 'sources'];
const mayUse = { rendering: ['sources'], rollouts: ['applications'] };

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'kubernetes-client-in-one-folder',
      comment: 'only agent/src/kube talks to the Kubernetes client',
      severity: 'error',
      from: { path: '^agent/src/', pathNot: '^agent/src/kube/' },
      to: { path: '@kubernetes/client-node' },
    },
    {
      name: 'sql-in-stores',
      comment: 'Prisma and SQL only in platform/ and *.store.ts',
      severity: 'error',
      from: {
        path: '^control-plane/hub/src/',
        pathNot: '^control-plane/hub/src/platform/|\\.store\\.ts$|\\.test\\.ts$',
      },
      to: { path: '^prisma/src/|node_modules/pg/' },
    },
    {
      name: 'platform-below-all',
      severity: 'error',
      from: { path: '^control-plane/hub/src/platform/' },
      to: { path: `^control-plane/hub/src/(audit|agents|status|${capabilities.join('|')})/` },
    },
    {
      name: 'audit-above-platform-only',
      severity: 'error',
      from: { path: '^control-plane/hub/src/audit/' },
      to: { path: `^control-plane/hub/src/(agents|status|${capabilities.join('|')})/` },
    },
    ...capabilities.map((capability) => ({
      name: `capability-apart-${capability}`,
      comment:
        'between capabilities only rendering → sources and rollouts → applications; else a row and a hint',
      severity: 'error',
      from: { path: `^control-plane/hub/src/${capability}/`, pathNot: '\\.test\\.ts$' },
      to: {
        path: `^control-plane/hub/src/(agents|status|${capabilities.join('|')})/`,
        pathNot: `^control-plane/hub/src/(${[capability, ...(mayUse[capability] ?? [])].join('|')})/`,
      },
    })),
    {
      name: 'scale-uses-no-cluster-code',
      comment: 'simulated agents use how an agent speaks, never what touches a cluster (docs/adr/0004)',
      severity: 'error',
      from: { path: '^test/scale/' },
      to: { path: '^agent/src/', pathNot: '^agent/src/((hub|report|state|ops)/|(clock|log)\\.ts$)' },
    },
    {
      name: 'domain-does-no-io',
      severity: 'error',
      from: { path: '^domain/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|proto/src/gen/|prisma/src/client/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.tests.json' },
    enhancedResolveOptions: { conditionNames: ['@flotilla/source', 'import', 'node', 'default', 'types'] },
  },
};
