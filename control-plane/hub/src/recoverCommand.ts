/**
 * `hub recover [--apply]`: one JSON line a cluster on stdout. `hub recover --adopt <cluster id>` lets in a cluster that
 * showed a valid certificate and has no row. Exit 0 all done or nothing to do, 2 something is left, 4 no such cluster, 64 usage.
 */
import { adopt } from './agents/recover/adopt.ts';
import { recover } from './agents/recover/recover.ts';
import type { HubConfig } from './platform/config.ts';
import { loadEnvelope } from './platform/envelope.ts';
import { Hints } from './platform/hints.ts';
import { Loggers } from './platform/logger.ts';
import { Database } from './platform/prisma.ts';
import { Transactions } from './platform/transaction.ts';

const bundleWithinMs = 60_000;

export async function recoverCommand(config: HubConfig, args: string[]): Promise<number> {
  const [option = '', clusterId] = args;
  const isAdoption = option === '--adopt' && clusterId !== undefined && args.length === 2;
  if (!isAdoption && (args.length > 1 || !['', '--apply'].includes(option))) {
    process.stderr.write('usage: hub recover [--apply | --adopt <cluster id>]\n');
    return 64;
  }
  const database = new Database(config.databaseUrl, 4);
  const hints = new Hints({
    url: config.databaseDirectUrl,
    logger: new Loggers(config.logLevel).for('recover'),
  });
  await hints.start();
  try {
    const envelope = loadEnvelope(config.keyFile);
    const transactions = new Transactions(database, hints);
    if (isAdoption) return (await adopt(transactions, clusterId)) ? 0 : 4;
    const context = { database, envelope, hints, transactions, bundleWithinMs };
    const results = await recover(context, option === '--apply');
    for (const result of results) process.stdout.write(`${JSON.stringify(result)}\n`);
    return results.every(({ taken }) => taken?.outcome === 'taken') ? 0 : 2;
  } finally {
    await hints.close();
    await database.close();
  }
}
