/**
 * What makes a cluster live: controllers, scheduler, and kwok in place of kubelets, with one node on which everything
 * fits. Without them an API server only stores objects, which is enough for many tests.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProgram, type Program } from '../processes/program.ts';
import { ApiStatusError } from './api.ts';
import { serviceAccountKeyOf, writeComponentKubeconfig, type ApiServer } from './apiServer.ts';
import { kwokStages } from './stages.ts';

const NODE = 'node-1';
const CAPACITY = { cpu: '1k', memory: '1Ti', pods: '10k' };

export async function startControllers(server: ApiServer, binDir: string): Promise<Program[]> {
  await ensureNode(server);
  return Promise.all([
    startManager(server, binDir),
    startScheduler(server, binDir),
    startKwok(server, binDir),
  ]);
}

async function startManager(server: ApiServer, binDir: string): Promise<Program> {
  return startComponent(server, binDir, 'kube-controller-manager', [
    `--kubeconfig=${await writeComponentKubeconfig(server, 'controllers')}`,
    '--leader-elect=false',
    '--secure-port=0',
    `--service-account-private-key-file=${serviceAccountKeyOf(server.dir)}`,
    `--root-ca-file=${join(server.dir, 'certificates', 'apiserver.crt')}`,
    // Deployments of a test must not wait for a default of minutes.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ]);
}

async function startScheduler(server: ApiServer, binDir: string): Promise<Program> {
  return startComponent(server, binDir, 'kube-scheduler', [
    `--kubeconfig=${await writeComponentKubeconfig(server, 'scheduler')}`,
    '--leader-elect=false',
    '--secure-port=0',
  ]);
}

async function startKwok(server: ApiServer, binDir: string): Promise<Program> {
  const stages = join(server.dir, 'stages.yaml');
  await writeFile(stages, await kwokStages(binDir));
  return startComponent(server, binDir, 'kwok', [
    `--kubeconfig=${await writeComponentKubeconfig(server, 'kwok')}`,
    '--manage-all-nodes=true',
    '--node-ip=127.0.0.1',
    '--node-lease-duration-seconds=40',
    `--config=${stages}`,
    '--server-address=',
  ]);
}

function startComponent(server: ApiServer, binDir: string, component: string, args: string[]): Program {
  const logFile = join(server.dir, `${component}.log`);
  const name = `${component} of ${server.name}`;
  return startProgram({ name, command: join(binDir, component), args, logFile });
}

async function ensureNode(server: ApiServer): Promise<void> {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: NODE,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { 'kubernetes.io/hostname': NODE, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
    },
    status: { capacity: CAPACITY, allocatable: CAPACITY },
  };
  try {
    await server.api.call('/api/v1/nodes', { method: 'POST', body: node });
  } catch (error) {
    if (!(error instanceof ApiStatusError) || error.status !== 409) throw error;
  }
}
