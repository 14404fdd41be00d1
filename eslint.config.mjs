/**
 * The rules of this code base. Package boundaries are the table in ARCHITECTURE.md (Nx tags); what happens inside a
 * package (no cycles, who may touch SQL or the Kubernetes client) is in .dependency-cruiser.cjs.
 */
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const mayImport = {
  domain: [],
  proto: ['domain'],
  prisma: [],
  hub: ['domain', 'proto', 'prisma'],
  agent: ['domain', 'proto'],
  client: [],
  cli: ['client', 'domain'],
  local: ['client'],
  testkit: ['local', 'client', 'proto', 'domain'],
  suite: ['testkit', 'local', 'client', 'proto', 'domain'],
  // docs/adr/0004: its simulated agents speak through the agent's own code.
  scale: ['agent', 'testkit', 'local', 'client', 'proto', 'domain'],
};

const depConstraints = Object.entries(mayImport).map(([name, targets]) => ({
  sourceTag: `package:${name}`,
  onlyDependOnLibsWithTags: targets.map((target) => `package:${target}`),
}));

const processEnvMessage = 'read the environment in the one config file of the process and pass options';

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      'proto/src/gen/**',
      'prisma/src/client/**',
      '.nx/**',
      '.flotilla/**',
    ],
  },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.tests.json', tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@nx': nx, '@typescript-eslint': tseslint.plugin },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { allow: ['#gen/**'], enforceBuildableLibDependency: false, depConstraints },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      'max-lines': ['error', { max: 500 }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      'no-nested-ternary': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'string unions instead of enums' },
        { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
        { selector: 'ExportAllDeclaration', message: 'no barrels: import the file' },
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: processEnvMessage,
        },
      ],
    },
  },
  {
    files: [
      '**/config.ts',
      '**/vitest.config.ts',
      'prisma.config.ts',
      'deploy/local/src/**',
      'test/testkit/src/**',
      'test/{e2e,fault,scale}/**',
    ],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
);
