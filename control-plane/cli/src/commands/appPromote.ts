/** `app promote`: a person lets a revision go on to a stage, the candidate or another that the stage before completed. */
import type { Session } from '../session.ts';
import { act } from './rolloutVerbs.ts';

export interface PromoteOptions {
  to: string;
  revision?: number;
}

export async function promoteApp(session: Session, name: string, options: PromoteOptions): Promise<void> {
  const { to: stage, revision } = options;
  await act(session, name, { action: 'promoteStage', stage, ...(revision !== undefined && { revision }) });
  if (session.format === 'table')
    session.say(`follow it: flotilla rollout get ${name} --stage ${stage} --watch`);
}
