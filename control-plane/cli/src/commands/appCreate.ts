/** `app create`: the spec from a file, or from flags; never from both. */
import type { NewApplication } from '@flotilla/client/client';
import type { ApplicationSource, ApplicationSpec } from '@flotilla/client/types';
import { CommandError, exitCodes } from '../exit.ts';
import { pairs } from '../parse.ts';
import { readYaml } from '../readYaml.ts';
import type { Session } from '../session.ts';

export interface CreateOptions {
  file?: string;
  repo?: string;
  path: string;
  branch?: string;
  tag?: string;
  commit?: string;
  recurse?: boolean;
  template?: boolean;
  namespace?: string;
  cluster: string[];
  selector: string[];
  allClusters?: boolean;
  automated?: boolean;
  prune?: boolean;
  selfHeal?: boolean;
  createNamespace?: boolean;
}

export async function createApp(session: Session, name: string, options: CreateOptions): Promise<void> {
  const spec =
    options.file === undefined ? specFromFlags(name, options) : await specFromFile(session, options);
  const body: NewApplication = { name, spec };
  if (session.project !== undefined) body.project = session.project;
  const created = await session.client.applications.create(body);
  session.print(created, () => `application ${created.name} created`);
  if (session.format === 'table') session.say(`follow it: flotilla app wait ${name}`);
}

async function specFromFile({ io }: Session, options: CreateOptions): Promise<ApplicationSpec> {
  if (options.repo !== undefined) throw usage('--file and --repo exclude each other');
  const file = options.file ?? '';
  const document = await readYaml(io, file);
  if (typeof document !== 'object' || document === null) throw usage(`${file} holds no spec`);
  return ('spec' in document ? document.spec : document) as ApplicationSpec;
}

export function specFromFlags(name: string, options: CreateOptions): ApplicationSpec {
  const { repo: repository } = options;
  if (repository === undefined) throw usage('which repository?', 'pass --repo <name>, or a spec with --file');
  const source: ApplicationSource = { repository, ref: refOf(options), path: options.path };
  if (options.recurse) source.directory = { recurse: true };
  if (options.template) source.template = true;
  return {
    sources: [source],
    placement: placementOf(options),
    destination: { namespace: options.namespace ?? name },
    syncPolicy: {
      automated: options.automated ?? false,
      prune: options.prune ?? false,
      selfHeal: options.selfHeal ?? false,
      syncOptions: { createNamespace: options.createNamespace ?? false },
    },
  };
}

function refOf({ branch, tag, commit }: CreateOptions): ApplicationSource['ref'] {
  const given = [branch, tag, commit].filter((value) => value !== undefined);
  if (given.length > 1) throw usage('--branch, --tag and --commit exclude each other');
  if (tag !== undefined) return { tag };
  return commit === undefined ? { branch: branch ?? 'main' } : { commit };
}

function placementOf(options: CreateOptions): Record<string, unknown> {
  const names = options.cluster.length === 0 ? {} : { names: options.cluster };
  const matchLabels = pairs(options.selector);
  if (options.allClusters) return { clusters: { selector: {} } };
  const selector = Object.keys(matchLabels).length === 0 ? {} : { selector: { matchLabels } };
  if (!('names' in names) && !('selector' in selector)) {
    throw usage('on which clusters?', 'pass --cluster <name>, --selector <key=value> or --all-clusters');
  }
  return { clusters: { ...names, ...selector } };
}

function usage(message: string, hint = ''): CommandError {
  return new CommandError(exitCodes.usage, message, hint);
}
