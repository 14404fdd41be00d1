/** What follows what when a set is accepted. */
import { expect, test } from 'vitest';
import { silentLog } from '../log.ts';
import { createAcceptor } from './accept.ts';
import { desiredMessages, testHead, testSet } from './desired.fixture.ts';

test('what a set needs is known before it is made durable, and it counts only afterwards', async () => {
  const events: string[] = [];
  let mark: { epoch: number; generation: number; digest: string } | null = null;
  const acceptor = createAcceptor({
    snapshot: { write: async () => void (await Promise.resolve(events.push('snapshot'))) },
    mark: () => mark,
    advanceMark: async (offered) => {
      await Promise.resolve();
      mark = offered;
      events.push('mark');
    },
    held: null,
    mayAccept: () => true,
    onVerified: (entries) => events.push(`verified ${entries.length}`),
    onAccepted: ({ entries }) => events.push(`accepted ${entries.length}`),
    log: silentLog(),
  });
  const [whole] = desiredMessages(null, testSet({ epoch: 1, generation: 1 }, [{ head: testHead() }]));
  if (whole?.type !== 'Desired') throw new Error('no message');
  const broken = await acceptor.offer({ ...whole, digest: '1'.repeat(64) });
  expect([broken?.type, events]).toEqual(['DesiredNack', []]);
  expect((await acceptor.offer(whole))?.type).toBe('DesiredAck');
  expect(events).toEqual(['verified 1', 'snapshot', 'mark', 'accepted 1']);
});
