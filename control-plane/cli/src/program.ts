/** The command line as a whole: global flags, commands, and how a run ends. */
import { Command, CommanderError } from 'commander';
import { registerAgent } from './commands/agent.ts';
import { registerApp } from './commands/app.ts';
import { registerAudit } from './commands/audit.ts';
import { registerConfirm } from './commands/confirm.ts';
import { registerCluster } from './commands/cluster.ts';
import { registerHistory } from './commands/history.ts';
import { registerLogin } from './commands/login.ts';
import { registerProject } from './commands/project.ts';
import { registerRepo } from './commands/repo.ts';
import { registerRollout } from './commands/rollout.ts';
import { registerStatus } from './commands/status.ts';
import { registerTarget } from './commands/target.ts';
import { registerToken } from './commands/token.ts';
import { colorsFor } from './colors.ts';
import { exitCodes, failureOf, type ExitCode } from './exit.ts';
import type { Io } from './session.ts';

/** Runs one command line; what it ends with is the process's exit code. Never throws. */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  const program = makeProgram(io, (other) => {
    code = other;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return report(io, error);
  }
}

function makeProgram(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command('flotilla')
    .description('GitOps for fleets of Kubernetes clusters')
    .version('0.1.0')
    .option('--url <url>', 'address of the hub (FLOTILLA_URL)')
    .option('--token <token>', 'API token (FLOTILLA_TOKEN; better: a context)')
    .option('--ca-file <file>', "the hub's CA, PEM (FLOTILLA_CA_FILE)")
    .option('--context <name>', 'a context of "flotilla context list" (FLOTILLA_CONTEXT)')
    .option('-p, --project <name>', 'project (default: default)')
    .option('-o, --output <format>', 'table, json or yaml', 'table')
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for what there is)')
    .addHelpText('after', exitCodeHelp);
  registerLogin(program, io);
  registerStatus(program, io);
  registerApp(program, io, end);
  registerRollout(program, io, end);
  registerTarget(program, io);
  registerConfirm(program, io, end);
  registerHistory(program, io);
  registerCluster(program, io);
  registerProject(program, io);
  registerRepo(program, io);
  registerToken(program, io);
  registerAgent(program, io);
  registerAudit(program, io, end);
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    });
  }
  return program;
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

const exitCodeHelp = `
Exit codes: 0 done · 1 error · 2 the answer is no (not healthy, tampered) · 3 unknown or incomplete ·
4 not found · 5 not allowed · 6 timed out · 64 usage`;

function report(io: Io, error: unknown): ExitCode {
  const failure = failureOf(error);
  const colors = colorsFor(io.stderr, io.environment.noColor);
  const lines = [
    `${colors.red('error:')} ${failure.message}`,
    ...failure.details.map((detail) => `  ${detail}`),
  ];
  io.stderr.write(`${lines.join('\n')}\n`);
  return failure.code;
}
