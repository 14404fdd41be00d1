/**
 * The sample configuration: one workload with its settings everywhere, an environment after the other; a CRD with an object
 * of it, and a folder of settings for each environment.
 */
import { stringify } from 'yaml';
import type { NewApplication } from '@flotilla/client/client';

export const REPOSITORY = 'fleet';
export const NAMESPACE = 'shop';
export const ENVIRONMENTS = ['dev', 'staging', 'production'] as const;
export const MAIN_APPLICATION = 'shop';

const README = `# A sample fleet

- \`shop/\` runs on every cluster.
- \`environments/<name>/\` runs on the clusters whose label \`environment\` is that name.

Push a change to \`main\`, and every cluster that it concerns gets it.
`;

const labels = { 'app.kubernetes.io/name': 'web' };

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [
          {
            name: 'web',
            image: 'docker.io/library/nginx:1.29',
            ports: [{ containerPort: 80 }],
            envFrom: [{ configMapRef: { name: 'web-settings' } }],
          },
        ],
      },
    },
  },
};

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', labels },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 80 }] },
};

const settings = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web-settings', labels },
  data: { GREETING: 'hello', COLOUR: 'blue' },
};

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'opening-hours.shop.example' },
  spec: {
    group: 'shop.example',
    scope: 'Namespaced',
    names: { kind: 'OpeningHours', plural: 'opening-hours', singular: 'opening-hours' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { from: { type: 'string' }, to: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
};

const openingHours = {
  apiVersion: 'shop.example/v1',
  kind: 'OpeningHours',
  metadata: { name: 'weekdays' },
  spec: { from: '09:00', to: '18:00' },
};

function environmentSettings(environment: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'environment' },
    data: { ENVIRONMENT: environment },
  };
}

export function sampleFiles(): Record<string, string> {
  const files: Record<string, string> = {
    'README.md': README,
    '.gitignore': '*.bak\n',
    'shop/deployment.yaml': stringify(deployment),
    'shop/service.yaml': stringify(service),
    'shop/settings.yaml': stringify(settings),
    'shop/crd.yaml': stringify(crd),
    'shop/opening-hours.yaml': stringify(openingHours),
  };
  for (const environment of ENVIRONMENTS) {
    files[`environments/${environment}/settings.yaml`] = stringify(environmentSettings(environment));
  }
  return files;
}

/** The environment of the n-th cluster. */
export function environmentOf(index: number): string {
  return ENVIRONMENTS[index % ENVIRONMENTS.length] ?? 'dev';
}

/** One application everywhere, and one for each environment that has a cluster. */
export function sampleApplications(environments: readonly string[]): NewApplication[] {
  return [
    application(MAIN_APPLICATION, 'shop', {}, { waves: environmentWaves() }),
    ...environments.map((environment) =>
      application(`shop-${environment}`, `environments/${environment}`, { matchLabels: { environment } }),
    ),
  ];
}

/** Production is the rest: each environment only where the one before is healthy. */
function environmentWaves(): Record<string, unknown>[] {
  return ENVIRONMENTS.slice(0, -1).map((environment) => ({
    name: environment,
    clusters: { selector: { matchLabels: { environment } } },
  }));
}

function application(
  name: string,
  path: string,
  selector: Record<string, unknown>,
  strategy: Record<string, unknown> = {},
): NewApplication {
  return {
    name,
    spec: {
      sources: [{ repository: REPOSITORY, ref: { branch: 'main' }, path }],
      placement: { clusters: { selector } },
      destination: { namespace: NAMESPACE },
      syncPolicy: { automated: true, prune: true, selfHeal: true, syncOptions: { createNamespace: true } },
      strategy,
    },
  };
}
