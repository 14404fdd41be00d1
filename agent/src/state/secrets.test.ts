import { expect, test } from 'vitest';
import { fakeKube } from '../../test/fakeKube.ts';
import { MarkWentBackError, openAgentSecret } from './secrets.ts';

test('the mark never goes back, whoever writes it', async () => {
  const kube = fakeKube();
  const one = await openAgentSecret(kube, 'n');
  const other = await openAgentSecret(kube, 'n');
  await one.advanceMark({ epoch: 0, generation: 5, digest: 'five' });
  // The other still holds what it read before: its write loses the race, reads again and then refuses.
  await expect(other.advanceMark({ epoch: 0, generation: 4, digest: 'four' })).rejects.toThrow(
    MarkWentBackError,
  );
  await other.advanceMark({ epoch: 1, generation: 1, digest: 'epoch' });
  await expect(one.advanceMark({ epoch: 0, generation: 9, digest: 'nine' })).rejects.toThrow(
    MarkWentBackError,
  );
  await one.reload();
  expect(one.mark()).toEqual({ epoch: 1, generation: 1, digest: 'epoch' });
});

test('two pods that open it at once end with one seal key, and keep each other’s fields', async () => {
  const kube = fakeKube();
  const [one, other] = await Promise.all([openAgentSecret(kube, 'n'), openAgentSecret(kube, 'n')]);
  expect(one.sealKey().length).toBe(32);
  expect(one.sealKey().equals(other.sealKey())).toBe(true);
  await one.update({ key: 'k' });
  await other.update({ certificate: 'c' });
  await one.reload();
  expect([one.get('key'), one.get('certificate')]).toEqual(['k', 'c']);
  await one.update({ certificate: null });
  expect(one.get('certificate')).toBeNull();
});
