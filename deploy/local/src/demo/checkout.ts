/** The application of the tour: a Deployment that can be given a bad version, and how its commits go over the fleet. */
import type { ApplicationSpec } from '@flotilla/client/types';
import { stringify } from 'yaml';
import type { FleetCluster } from '../start/fleetCluster.ts';
import { REPOSITORY } from '../start/sample.ts';

export const CHECKOUT = 'checkout';
export const CHECKOUT_FILE = 'checkout/deployment.yaml';
/** Deployments of the simulated clusters fail by it, as `deploy/local/kubelab/stages/fail.yaml` says. */
const failAnnotation = 'flotilla.dev/test-fail';
const soakMs = 2000;
const canaryDeadline = '12s';

export interface CheckoutVersion {
  version: string;
  isBad?: boolean;
}

export function checkoutManifest({ version, isBad = false }: CheckoutVersion): string {
  const labels = { 'app.kubernetes.io/name': CHECKOUT };
  return stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: CHECKOUT, labels },
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: isBad ? { [failAnnotation]: 'crash-loop' } : {} },
        spec: { containers: [{ name: CHECKOUT, image: `registry.example.com/${CHECKOUT}:${version}` }] },
      },
    },
  });
}

/** Everywhere at once. */
export function checkoutSpec(): ApplicationSpec {
  return {
    sources: [{ repository: REPOSITORY, ref: { branch: 'main' }, path: CHECKOUT }],
    placement: { clusters: { selector: {} } },
    destination: { namespace: CHECKOUT },
    syncPolicy: { automated: true, prune: true, selfHeal: true, syncOptions: { createNamespace: true } },
  };
}

/** One cluster first, then a quarter of the others, then the rest; back where it fails. */
export function inWaves(spec: ApplicationSpec, canary: FleetCluster, speed: number): ApplicationSpec {
  const soak = `${Math.max(Math.round(soakMs / 1000 / speed), 1)}s`;
  return {
    ...spec,
    strategy: {
      waves: [
        { name: 'canary', clusters: { names: [canary.name] }, soak, deadline: canaryDeadline },
        { name: 'quarter', clusters: { percent: 25 } },
      ],
      onFailure: 'rollback',
    },
  };
}
