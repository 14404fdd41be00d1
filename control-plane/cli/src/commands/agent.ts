/** `agent manifest`: a token, and everything that a cluster needs to run an agent, to pipe into `kubectl apply -f -`. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { agentManifest } from '../manifest.ts';
import { withSession, type Io, type Session } from '../session.ts';
import { newToken, withTokenOptions, type TokenOptions } from './token.ts';

interface ManifestFlags extends TokenOptions {
  image: string;
  namespace: string;
  hubUrl?: string;
  storage: string;
  ephemeral?: boolean;
}

export function registerAgent(program: Command, io: Io): void {
  const agent = program.command('agent').description('the agent that runs on each cluster');
  withTokenOptions(agent.command('manifest'))
    .description(
      'print what connects a cluster: flotilla agent manifest --cluster <name> | kubectl apply -f -',
    )
    .option('--image <image>', "the agent's container image", 'flotilla-agent:0.1.0')
    .option('--namespace <name>', 'where it runs', 'flotilla-system')
    .option('--hub-url <url>', 'where the cluster reaches the hub (default: where you do)')
    .option('--storage <size>', 'of its volume', '1Gi')
    .option('--ephemeral', 'an emptyDir instead of a volume')
    .action(withSession(io, printManifest));
}

async function printManifest(session: Session, options: ManifestFlags): Promise<void> {
  const created = await newToken(session, options);
  const objects = agentManifest({
    namespace: options.namespace,
    image: options.image,
    hubUrl: options.hubUrl ?? session.url,
    caSha256: created.caSha256,
    token: created.token,
    storage: options.ephemeral === true ? null : options.storage,
  });
  const text = objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n');
  session.print({ apiVersion: 'v1', kind: 'List', items: objects }, () => text);
  session.say(`the token in it works until ${created.expiresAt}, for ${created.maxUses} cluster(s)`);
}
