/** What happened is in a chain that proves itself. */
import { demoStep, expectation } from '../step.ts';

export const audit = demoStep({
  name: 'audit',
  title: 'The audit trail proves itself',
  say: 'Everything that was changed on this tour is in the audit trail, sealed into a chain of hashes. We let the hub check the whole chain.',
  async act(tour) {
    const verified = await tour.until('the whole chain is sealed', async () => {
      const verification = await tour.client.audit.verify();
      const isSealed = verification.result === 'Good' && verification.unsealed === 0;
      return isSealed ? { found: verification } : { yet: verification };
    });
    tour.note(`${verified.checked} events, ${verified.result}: ${verified.message}`);
    return verified;
  },
  expect: (verified) => [
    expectation('the chain is good', verified.result === 'Good' && verified.checked > 0, verified),
  ],
});
