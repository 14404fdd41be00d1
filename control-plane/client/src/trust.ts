/** A fetch that trusts one more CA than the system does. Node only. */
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { Agent, fetch as undiciFetch } from 'undici';
import type { Fetch } from './fetch.ts';

export async function fetchTrusting(caFile: string): Promise<Fetch> {
  const ca = await readFile(caFile, 'utf8');
  const dispatcher = new Agent({ connect: { ca: [...rootCertificates, ca] }, bodyTimeout: 0 });
  return (url, init) => undiciFetch(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>;
}
