/** Entry of the thread that speaks Git. Parsing packs takes CPU that the hub's own thread must not miss. */
import { parentPort } from 'node:worker_threads';

import type { FromWorker, GitOperation, ToWorker } from './messages.ts';
import { ObjectMemory } from './objectStore.ts';
import { look } from './operations.ts';
import { problemOf } from './problems.ts';

const memoryBytesMax = 64 << 20;

const memory = new ObjectMemory(memoryBytesMax);
const running = new Map<number, AbortController>();

async function answer(id: number, operation: GitOperation): Promise<FromWorker> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    return { type: 'done', id, result: await look(operation, controller.signal, memory) };
  } catch (error) {
    return { type: 'failed', id, problem: problemOf(error) };
  } finally {
    running.delete(id);
  }
}

parentPort?.on('message', (message: ToWorker) => {
  if (message.type === 'abort') return running.get(message.id)?.abort();
  void answer(message.id, message.operation).then((result) => parentPort?.postMessage(result));
});
