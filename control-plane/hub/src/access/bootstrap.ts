/**
 * The first admin token: while no token exists, one is written to a file (0600) and then its hash to the database.
 * In that order, so that a crash in between leaves a file whose token the next start takes over.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { mintToken, parseToken } from '../platform/bearerToken.ts';
import type { Envelope } from '../platform/envelope.ts';
import { systemActor, type Transactions } from '../platform/transaction.ts';
import { insertToken, lockFirstToken } from './apiTokens.store.ts';

export interface BootstrapOptions {
  transactions: Transactions;
  envelope: Envelope;
  file: string;
}

export async function bootstrapAdmin({ transactions, envelope, file }: BootstrapOptions): Promise<boolean> {
  return transactions.inTransaction(systemActor, async (tx) => {
    if (await lockFirstToken(tx)) return tx.nothingChanged(false);
    const { id, secret } = await tokenInFile(file);
    await insertToken(tx, {
      id,
      name: 'bootstrap',
      role: 'admin',
      secretHash: envelope.tokenHash(secret),
      createdBy: 'hub',
      expiresInMs: null,
    });
    const resource = { kind: 'api-token', id, name: 'bootstrap' };
    tx.audit({ action: 'api-token.create', resource, after: { name: 'bootstrap', role: 'admin' } });
    return true;
  });
}

async function tokenInFile(file: string): Promise<{ id: string; secret: string }> {
  const kept = await readFile(file, 'utf8').catch(() => '');
  const known = parseToken('api', kept);
  if (known) return known;
  const minted = mintToken('api');
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, `${minted.text}\n`, { mode: 0o600 });
  await rename(draft, file);
  return minted;
}
