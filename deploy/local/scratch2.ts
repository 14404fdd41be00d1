import { startPostgres } from './src/postgres.ts';
import { migrateHub, startHub } from './src/fleet/hub.ts';
import { startAgent } from './src/fleet/agent.ts';
import { execSync } from 'node:child_process';
const dir = '/tmp/proto-e2e'; execSync(`rm -rf ${dir}; mkdir -p ${dir}`);
const kubeconfig = '/tmp/flotilla-dev/kubelab/dev-3/kubeconfig';
const ns = 'proto-e2e-' + Math.random().toString(36).slice(2, 7);
execSync(`kubectl --kubeconfig ${kubeconfig} create ns ${ns}`);
const pg = await startPostgres({ dir: dir + '/pg', fsync: false });
const url = pg.url('postgres');
await migrateHub(url);
const hub = await startHub({ dir: dir + '/hub', databaseUrl: url, logFile: dir + '/hub.log' });
console.log('hub', hub.url, hub.grpc);
const t = await hub.client.registrationTokens.create({ labels: { env: 'x' } });
console.log(t);
const agent = await startAgent({ name: 'a', dir: dir + '/agent', hubUrl: hub.url, caSha256: hub.caSha256, token: (t as any).token ?? (t as any).secret, kubeconfig, namespace: ns, logFile: dir + '/agent.log' });
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
for (let i = 0; i < 40; i++) { const r = await fetch('http://' + agent.http + '/readyz').then(r => r.json()); if (r.ready) { console.log('agent ready', i); break; } await sleep(250); }
console.log(JSON.stringify(await hub.client.clusters.list(), null, 1));
console.log(execSync(`tail -5 ${dir}/hub.log; cat ${dir}/agent.log`).toString());
(globalThis as any).x = { hub, agent, pg };
if (process.argv[2] === 'stay') { console.log('DATABASE_URL', url, 'token', hub.token, 'ca', hub.caFile); await new Promise((r) => process.once('SIGTERM', r)); }
console.log('--- hub crash and restart');
const [host, gport] = hub.grpc.split(':'); const hport = hub.http.split(':')[1];
await hub.crash();
await sleep(1000);
const hub2 = await startHub({ dir: dir + '/hub', databaseUrl: url, httpPort: Number(hport), grpcPort: Number(gport), logFile: dir + '/hub2.log' });
for (let i = 0; i < 60; i++) { const c = await hub2.client.clusters.list(); if (c.items[0].connection === 'Connected') { console.log('reconnected', i * 250); break; } await sleep(250); }
console.log('--- revoke');
const c = (await hub2.client.clusters.list()).items[0];
console.log('agent log', execSync(`tail -4 ${dir}/agent.log`).toString());
console.log('--- drain: SIGTERM hub'); let t1 = Date.now(); console.log(await hub2.stop(), Date.now() - t1);
await sleep(300); console.log('agent log', execSync(`tail -2 ${dir}/agent.log`).toString());
t1 = Date.now(); console.log(await agent.stop(), Date.now() - t1);
await pg.stop();
execSync(`kubectl --kubeconfig ${kubeconfig} delete ns ${ns} --wait=false`);
process.exit(0);
