/**
 * One cluster's fleet with everything between its parts that a fault needs: a proxy before the API server, one before
 * the hub's gRPC port, a witness. Its one application has an object that each commit changes, one that it adds and one that it removes.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { allocatePort } from '@flotilla/local/ports';
import type { HubOptions } from '@flotilla/local/fleet/hub';
import type { ApiProxy } from '@flotilla/testkit/apiProxy';
import type { LeasedCluster } from '@flotilla/testkit/cluster';
import { Fleet } from '@flotilla/testkit/fleet';
import { configMap } from '@flotilla/testkit/manifests';
import type { TestDatabase } from '@flotilla/testkit/postgres';
import { TcpProxy } from '@flotilla/testkit/tcpProxy';
import { Witness } from '@flotilla/testkit/witness';

export interface Scene extends AsyncDisposable {
  fleet: Fleet;
  witness: Witness;
  cluster: LeasedCluster;
  /** Between agent and API server. */
  api: ApiProxy;
  /** Between agent and hub. */
  wire: TcpProxy;
  /** Changes one object, adds one, removes one; the commit's hash and the name of what it removed. */
  commit: () => Promise<{ commit: string; removed: string }>;
  /** Tells the hub of it, and makes a token, so that there is something that was promised. Rejects when the hub dies of it. */
  announce: () => Promise<void>;
}

export interface SceneOptions {
  hubEnv?: HubOptions['env'];
  database?: TestDatabase;
}

const webhookSecret = 'a secret of sixteen or more';
/** Long: what a hub does in time it does by its rows, not because the next poll came. */
const pollIntervalMs = 3_600_000;

export async function startScene({ hubEnv = {}, database }: SceneOptions = {}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const grpcPort = await allocatePort();
  const wire = stack.use(await TcpProxy.start({ port: grpcPort }));
  let api: ApiProxy | undefined;
  const fleet = stack.use(
    await Fleet.start({
      pollIntervalMs,
      webhookSecret,
      ...(database === undefined ? {} : { database }),
      hubEnv: {
        HUB_GRPC_LISTEN: `127.0.0.1:${grpcPort}`,
        HUB_GRPC_PUBLIC_URL: `https://127.0.0.1:${wire.port}`,
        ...hubEnv,
      },
      kubeconfigOf: async (cluster) => {
        const { proxy, kubeconfig } = await cluster.proxied();
        api = proxy;
        return kubeconfig;
      },
    }),
  );
  const witness = stack.use(await Witness.start(fleet));
  const [cluster] = fleet.clusters;
  if (cluster === undefined || api === undefined) throw new Error('the fleet has no cluster');
  let step = 0;
  const commit = async () => {
    step += 1;
    const made = await fleet.repository.commit({ files: filesOf(step), message: `Step ${step}` });
    return { commit: made, removed: `extra-${step - 1}` };
  };
  const first = await commit();
  await fleet.createApplication();
  await fleet.settled('web', first.commit);
  const all = stack.move();
  return {
    fleet,
    witness,
    cluster,
    api,
    wire,
    commit,
    announce: () => announce(fleet, witness),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The added object is of a later sync wave, so that the first PATCH and the last are two, one after the other. */
function filesOf(step: number): Record<string, string | null> {
  const wave = `  annotations: { argocd.argoproj.io/sync-wave: "1" }\n`;
  return {
    'web/settings.yaml': configMap('settings', { step: String(step) }),
    'web/stays.yaml': configMap('stays', { made: 'once' }),
    [`web/extra-${step}.yaml`]: configMap(`extra-${step}`, { step: String(step) }, wave),
    ...(step > 1 ? { [`web/extra-${step - 1}.yaml`]: null } : {}),
  };
}

async function announce(fleet: Fleet, witness: Witness): Promise<void> {
  await witness.mutate<{ id: string }>({
    what: 'a registration token',
    method: 'POST',
    path: '/api/v1/registration-tokens',
    body: { labels: { env: 'other' } },
    isThere: async ({ id }) => {
      const tokens = await Array.fromAsync(fleet.hub.client.registrationTokens.all());
      return tokens.some((token) => token.id === id);
    },
  });
  const payload = { repository: { clone_url: fleet.git.server.urlOf('config') } };
  const signature = createHmac('sha256', webhookSecret).update(JSON.stringify(payload)).digest('hex');
  const delivery = randomUUID();
  await witness.mutate({
    what: 'a webhook delivery',
    method: 'POST',
    path: '/api/v1/repositories/config/webhook',
    body: payload,
    headers: { 'x-hub-signature-256': `sha256=${signature}`, 'x-github-delivery': delivery },
    isThere: async () => {
      const rows = await fleet.database.query('SELECT 1 FROM webhook_deliveries WHERE delivery_id = $1', [
        delivery,
      ]);
      return rows.length === 1;
    },
  });
}
