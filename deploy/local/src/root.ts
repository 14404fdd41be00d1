/** Where this checkout lies: the programs that are started by path are in it. */
import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../../..');
