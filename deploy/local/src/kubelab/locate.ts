/** Where kubelab's sources are, and where its built programs belong for exactly these sources on this machine. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const KUBELAB_SOURCE_DIR = fileURLToPath(new URL('../../kubelab', import.meta.url));

export function kubelabCacheDir(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'flotilla', 'kubelab');
}

/** Folder of the programs that these sources build. */
export async function kubelabBinDir(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go'])
    hash.update(await readFile(join(KUBELAB_SOURCE_DIR, name)));
  return join(kubelabCacheDir(), `${hash.digest('hex').slice(0, 16)}-${process.platform}-${process.arch}`);
}
