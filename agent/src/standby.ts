/** A pod that does not hold the Lease: it shows the hub that it could work, and waits. */
import { stayConnected } from './hub/connect.ts';
import { standbyHello } from './hub/hello.ts';
import { isEnrolled } from './hub/identity.ts';
import { runStandbySession } from './hub/standbySession.ts';
import type { Pod } from './pod.ts';
import { agentVersion, helloOfPod, renewCertificate } from './pod.ts';

const enrolledPollMs = 5_000;

/** Until aborted. Enrolment is the holder's: two pods would make two keys. */
export async function waitAsStandby(pod: Pod, signal: AbortSignal): Promise<void> {
  pod.readiness.phase = 'standby';
  while (!isEnrolled(pod.store.read())) {
    await pod.clock.sleep(enrolledPollMs, signal);
    await pod.store.reload();
  }
  const session = {
    store: pod.store,
    hello: () => standbyHello(helloOfPod(pod), pod.cluster, agentVersion, pod.clock.nowMs()),
    onWelcome: () => {
      pod.readiness.ready = true;
    },
  };
  await stayConnected(
    {
      ...pod,
      renew: (renewing) => renewCertificate(pod, renewing),
      openSession: (opening) => runStandbySession(session, opening),
    },
    signal,
  );
}
