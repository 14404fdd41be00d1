/**
 * `node bootstrap.mjs NAME [arguments]`: what `npm start`, `npm test` and their kin run on a bare clone.
 *
 * Plain JavaScript for Node ≥ 20 without dependencies. It installs the packages when the lockfile changed, then hands
 * over to the project's own Node 24, by path, since the `node` that a person has may be older.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const programs = {
  start: 'deploy/local/src/start.ts',
  demo: 'deploy/local/src/demo.ts',
  test: 'test/testkit/src/runner/main.ts',
  check: 'test/testkit/src/runner/check.ts',
  gen: 'test/testkit/src/runner/gen.ts',
  build: 'test/testkit/src/runner/build.ts',
  bench: 'test/scale/src/bench.ts',
  scale: 'test/scale/src/scale.ts',
};
const nodeMajorMin = 24;
/** npm's code for an error when the registry, or the proxy before it, does not answer. */
const unreachable = new Set(
  'EAI_AGAIN ECONNABORTED ECONNREFUSED ECONNRESET EHOSTDOWN EHOSTUNREACH EIDLETIMEOUT ENETDOWN ENETUNREACH ENOTFOUND ERR_SOCKET_TIMEOUT ETIMEDOUT'.split(
    ' ',
  ),
);

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function installPackages() {
  const lockHash = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(root, 'node_modules', '.flotilla-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash) return;
  console.error('Installing packages (npm ci) …');
  const npm = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, ...shortRetries() },
  });
  if (npm.error)
    fail(`npm could not be started (${npm.error.message}): install Node with npm, then try again.`);
  if (npm.status !== 0) failInstallation(npm.stderr);
  writeFileSync(stamp, lockHash);
}

/** npm waits for minutes where there is no network; what a person has set counts, which npm passes on to its scripts. */
function shortRetries() {
  const { npm_config_fetch_retry_mintimeout: min, npm_config_fetch_retry_maxtimeout: max } = process.env;
  return {
    npm_config_fetch_retry_mintimeout: min ?? '2000',
    npm_config_fetch_retry_maxtimeout: max ?? '10000',
  };
}

function failInstallation(output) {
  const [, code] = /^npm (?:error|ERR!) code (\w+)$/m.exec(output) ?? [];
  if (unreachable.has(code))
    fail(
      `npm ci does not reach the package registry (${code}): connect to the network, or set npm's registry or proxy, then try again; nothing was started.`,
    );
  console.error(output.trimEnd());
  fail('npm ci failed, see above. Nothing was started.');
}

/** The Node of the lockfile where its platform is known, else this one if it is new enough. */
function projectNode() {
  const own = path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(own)) return own;
  if (Number(process.versions.node.split('.')[0]) >= nodeMajorMin) return process.execPath;
  return fail(
    `Flotilla needs Node ${nodeMajorMin} or newer on ${process.platform}-${process.arch}; this is ${process.version}.`,
  );
}

function run(program, args) {
  const node = projectNode();
  const binaries = path.join(root, 'node_modules', '.bin');
  const startedAt = String(Date.now() - Math.round(performance.now()));
  const env = {
    ...process.env,
    FLOTILLA_STARTED_AT: startedAt,
    PATH: [path.dirname(node), binaries, process.env.PATH].join(path.delimiter),
  };
  const command = ['--conditions=@flotilla/source', path.join(root, program), ...args];
  const child = spawn(node, command, { cwd: root, stdio: 'inherit', env });
  // A terminal sends its signals to the whole group: only those sent to this process alone are passed on.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 1 : code;
  });
}

const [name, ...args] = process.argv.slice(2);
const program = programs[name];
if (!program) fail(`usage: node bootstrap.mjs ${Object.keys(programs).join('|')} [arguments]`);
if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`Flotilla needs Node 20 or newer; this is ${process.version}.`);
installPackages();
run(program, args);
