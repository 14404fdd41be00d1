/** One etcd, on which any number of API servers keep their objects apart by prefix. */
import { join } from 'node:path';
import { allocatePort, withPortRetry } from '../ports.ts';
import { startProgram, untilReady, type Program } from '../processes/program.ts';

export interface EtcdOptions {
  binDir: string;
  dir: string;
  /** False gives up durability for speed: for clusters that are thrown away. */
  fsync: boolean;
}

const READY_TIMEOUT_MS = 120_000;

export function startEtcd(options: EtcdOptions): Promise<{ url: string; program: Program }> {
  return withPortRetry(async () => {
    const url = `http://127.0.0.1:${await allocatePort()}`;
    const peerUrl = `http://127.0.0.1:${await allocatePort()}`;
    const args = ['--data-dir', join(options.dir, 'data'), '--log-level', 'warn'];
    args.push('--listen-client-urls', url, '--advertise-client-urls', url);
    args.push('--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl);
    args.push('--initial-cluster', `default=${peerUrl}`);
    if (!options.fsync) args.push('--unsafe-no-fsync');
    const command = join(options.binDir, 'etcd');
    const program = startProgram({ name: 'etcd', command, args, logFile: join(options.dir, 'etcd.log') });
    await untilReady(program, async () => (await fetch(`${url}/health`)).ok, READY_TIMEOUT_MS);
    return { url, program };
  });
}
