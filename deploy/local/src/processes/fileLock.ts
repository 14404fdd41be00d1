/**
 * A lock on a file, held by one process at a time. The kernel gives it back when its holder ends, however that happens, so
 * that nobody has to guess whether a lock that was left behind still counts. SQLite takes it, since Node has no call for it.
 */
import { DatabaseSync } from 'node:sqlite';

export interface FileLock {
  release: () => void;
}

const SQLITE_BUSY = 5;

/** Undefined where somebody else holds it. The folder must exist; the file stays. */
export function tryLock(file: string): FileLock | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  let held = true;
  return {
    release: () => {
      if (held) database.close();
      held = false;
    },
  };
}
