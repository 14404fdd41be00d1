/** The rule of each kind that has one, by group and kind, whatever the version. */
import { apiServiceHealth, customResourceDefinitionHealth, namespaceHealth } from './apiMachinery.ts';
import { podDisruptionBudgetHealth } from './apiMachinery.ts';
import { horizontalPodAutoscalerHealth } from './autoscaler.ts';
import type { HealthOfKind } from './health.ts';
import { cronJobHealth, jobHealth } from './job.ts';
import { ingressHealth, serviceHealth } from './network.ts';
import { podHealth } from './pod.ts';
import { persistentVolumeClaimHealth } from './storage.ts';
import {
  argoApplicationHealth,
  argoRolloutHealth,
  certificateHealth,
  clusterApiHealth,
} from './wellKnown.ts';
import { externalSecretHealth, fluxHealth, gatewayHealth, issuerHealth, knativeHealth } from './wellKnown.ts';
import { routeHealth } from './wellKnown.ts';
import { daemonSetHealth, deploymentHealth, replicaSetHealth, statefulSetHealth } from './workload.ts';

const rules: ReadonlyMap<string, HealthOfKind> = new Map<string, HealthOfKind>([
  ['apps/Deployment', deploymentHealth],
  ['apps/StatefulSet', statefulSetHealth],
  ['apps/DaemonSet', daemonSetHealth],
  ['apps/ReplicaSet', replicaSetHealth],
  ['batch/Job', jobHealth],
  ['batch/CronJob', cronJobHealth],
  ['/Pod', podHealth],
  ['/PersistentVolumeClaim', persistentVolumeClaimHealth],
  ['/Service', serviceHealth],
  ['/Namespace', namespaceHealth],
  ['networking.k8s.io/Ingress', ingressHealth],
  ['autoscaling/HorizontalPodAutoscaler', horizontalPodAutoscalerHealth],
  ['apiregistration.k8s.io/APIService', apiServiceHealth],
  ['apiextensions.k8s.io/CustomResourceDefinition', customResourceDefinitionHealth],
  ['policy/PodDisruptionBudget', podDisruptionBudgetHealth],
  ['cert-manager.io/Certificate', certificateHealth],
  ['cert-manager.io/Issuer', issuerHealth],
  ['cert-manager.io/ClusterIssuer', issuerHealth],
  ['argoproj.io/Rollout', argoRolloutHealth],
  ['argoproj.io/Application', argoApplicationHealth],
  ['kustomize.toolkit.fluxcd.io/Kustomization', fluxHealth],
  ['helm.toolkit.fluxcd.io/HelmRelease', fluxHealth],
  ['source.toolkit.fluxcd.io/GitRepository', fluxHealth],
  ['source.toolkit.fluxcd.io/HelmRepository', fluxHealth],
  ['source.toolkit.fluxcd.io/HelmChart', fluxHealth],
  ['source.toolkit.fluxcd.io/OCIRepository', fluxHealth],
  ['source.toolkit.fluxcd.io/Bucket', fluxHealth],
  ['cluster.x-k8s.io/Cluster', clusterApiHealth],
  ['cluster.x-k8s.io/Machine', clusterApiHealth],
  ['serving.knative.dev/Service', knativeHealth],
  ['external-secrets.io/ExternalSecret', externalSecretHealth],
  ['external-secrets.io/SecretStore', externalSecretHealth],
  ['external-secrets.io/ClusterSecretStore', externalSecretHealth],
  ['gateway.networking.k8s.io/Gateway', gatewayHealth],
  ['gateway.networking.k8s.io/HTTPRoute', routeHealth],
  ['gateway.networking.k8s.io/GRPCRoute', routeHealth],
]);

export function ruleFor(group: string, kind: string): HealthOfKind | undefined {
  return rules.get(`${group}/${kind}`);
}
