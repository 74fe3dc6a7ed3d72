import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { GscipError } from '../base/errors.ts';
import { parseListenAddress } from '../base/listen-address.ts';
import type { Logger } from '../base/log.ts';
import { Agent } from '../node/agent.ts';
import {
  DEFAULT_PORT,
  DEFAULTS,
  parseConfigFile,
  parseLevel,
  resolveConfig,
  type WrittenConfig,
} from '../node/agent-config.ts';
import { refuseRunning } from '../node/control-socket.ts';
import { JsonLog } from '../node/json-log.ts';
import { LineWriter } from '../node/line-writer.ts';
import { closeKept } from '../node/lock/lock.ts';
import { refuseTakenPort } from '../node/metrics-port.ts';
import { prefixOf } from '../node/route-prefix.ts';
import { ServiceNotice } from '../node/service-notice.ts';
import { readSettings } from '../node/settings/live-settings.ts';
import { Settings, withWholePaths } from '../node/settings/settings.ts';
import { StateDir } from '../node/state-dir.ts';
import { DEFAULT_POOL, parsePool } from '../server/network/address-plan.ts';
import { refuseOverlap } from '../tun/interface.ts';
import { reportError } from './error-report.ts';
import { needRoot } from './need-root.ts';
import { examples } from './output.ts';
import { RotatingFile } from './pit/rotating-file.ts';
import { NO_TOKEN, TOKEN_CREDENTIAL } from './service/unit-texts.ts';
import { endBySignal, endingSignal } from './up/end-by-signal.ts';
import type { Founding } from './up/first-machine.ts';
import type { ServerProcess } from './up/server-process.ts';
import { flagSettings, machineFlags, networkFlags, type UpOptions } from './up/up-options.ts';

/** Of the file of the log: bytes, and full ones that are kept. */
const LOG_FILE_BYTES = 10 << 20;
const LOG_FILES = 5;

/** `gscip up` */
export function define(command: Command): void {
  machineFlags(networkFlags(command)).action(up);
  examples(command, [
    ['sudo gscip up --new home', 'first machine: begins the network "home" and prints how the next one joins'],
    [
      'sudo gscip up --join TOKEN',
      'next machine; --join FILE or --join - keeps the token out of the list of processes',
    ],
    ['sudo gscip up', 'later, on each: goes on with what was kept'],
    ['sudo gscip up --bundle laptop.bundle --peer server=192.0.2.1:47247', 'without a server: joins with a bundle'],
    ['sudo gscip up --config /etc/gscip.toml', 'settings from a file: peer = ["server=192.0.2.1:47247"]'],
  ]);
}

async function up(options: UpOptions): Promise<void> {
  const service = ServiceNotice.take();
  const start = await prepare(options);
  // nothing was done to the machine so far: from here on, whoever ends this process has it undone
  const end = endBySignal(() => service.stopping());
  const lines = new LineWriter(process.stderr.fd, logFile(start.settings['log-file']));
  const log = new JsonLog(lines.write, parseLevel(start.settings['log-level'] ?? DEFAULTS.logLevel));
  try {
    await closeKept(start.state);
    const server = await startServer(start, log, end);
    const agent = await startAgent(start, server, log, end);
    if (!end.aborted) service.ready('the interface is up; see: gscip status');
    await run(agent, log, end);
    await server?.stop();
  } catch (error) {
    // a terminal ends the programs that the node runs as well, which then have failed
    if (!end.aborted || !(error instanceof GscipError)) throw error;
    log.log('info', 'down', { reason: endingSignal(end) });
  }
  lines.flush();
  process.exit();
}

/** Until it has stopped, which `end` has it do. */
async function run(agent: Agent, log: JsonLog, end: AbortSignal): Promise<void> {
  const stop = () => void agent.stop(endingSignal(end));
  if (end.aborted) stop();
  else end.addEventListener('abort', stop, { once: true });
  process.on('SIGHUP', () => void reload(agent, log).catch((error: unknown) => abandon(agent, error)));
  process.once('uncaughtException', (error) => abandon(agent, error));
  await agent.done;
}

/** A full one is put aside; nobody but root reads it. */
function logFile(path: string | undefined): ((line: string) => void) | undefined {
  if (path === undefined) return undefined;
  const file = new RotatingFile(path, LOG_FILE_BYTES, LOG_FILES);
  return (line) => file.write(line);
}

/** What one start is to do, with every mistake found that can be found before anything is made. */
interface Start {
  readonly state: StateDir;
  /** name of the network to begin */
  readonly begin: string | undefined;
  readonly pool: string | undefined;
  readonly token: string | undefined;
  readonly flags: WrittenConfig;
  readonly file: { readonly path: string; readonly written: WrittenConfig } | undefined;
  readonly settings: WrittenConfig;
}

async function prepare(options: UpOptions): Promise<Start> {
  const begin = options.new;
  refuseTwoWays(options);
  const flags = withWholePaths(flagSettings(options));
  const path = options.config === undefined ? undefined : resolve(options.config);
  const file = path === undefined ? {} : readSettings(path);
  if (flags.bundle !== undefined && !existsSync(flags.bundle))
    throw new GscipError('no-bundle', `there is no file ${flags.bundle}`, 'check the path behind --bundle');
  needRoot('a TUN interface needs root', 'run: sudo gscip up …');
  const state = new StateDir(flags.state ?? file.state ?? DEFAULTS.state);
  const kept = keptSettings(state);
  if (begin !== undefined) refuseSecondNetwork(state, kept);
  const serverListen = begin === undefined ? undefined : `:${DEFAULT_PORT}`;
  const settings = {
    ...(serverListen !== undefined && { 'server-listen': serverListen }),
    ...kept,
    ...file,
    ...flags,
    state: state.path, // the folder may have been moved since
  };
  const written = options.join ?? file.join ?? credentialFor(state);
  const token = written === undefined ? undefined : await readToken(written);
  const { pool } = options;
  // before a token is used up, or a network made that cannot be used here
  if (flags.metrics !== undefined) {
    await refuseRunning(settings.socket ?? DEFAULTS.socket);
    await refuseTakenPort(parseListenAddress(flags.metrics));
  }
  if (begin !== undefined)
    await refuseOverlap([prefixOf(parsePool(pool ?? DEFAULT_POOL))], settings.tun ?? DEFAULTS.tun);
  return { state, begin, pool, token, flags, file: path === undefined ? undefined : { path, written: file }, settings };
}

function refuseTwoWays(options: UpOptions): void {
  const ways = [options.new && '--new', options.join && '--join', options.bundle && '--bundle'].filter(Boolean);
  if (ways.length > 1)
    throw new GscipError(
      'usage',
      `${ways.join(' and ')} exclude each other`,
      'a node belongs to one network: choose one',
    );
  if (options.pool !== undefined && options.new === undefined)
    throw new GscipError('usage', '--pool belongs to --new', 'the addresses of a network are chosen where it begins');
}

function keptSettings(state: StateDir): WrittenConfig {
  const kept = state.config();
  return kept === undefined ? {} : parseConfigFile(kept, join(state.path, 'config.toml'));
}

/** A first start that failed before the node ran may be repeated. */
function refuseSecondNetwork(state: StateDir, kept: WrittenConfig): void {
  if (state.kept() === undefined) return;
  const what = kept['server-listen'] === undefined ? 'a node of a network' : 'a network with its server';
  throw new GscipError(
    'network-exists',
    `${state.path} holds ${what} already`,
    'to go on with it: sudo gscip up; for another network use a --state and a --socket of its own',
  );
}

/** The file with the token that a service manager holds for the first start (systemd.exec(5), LoadCredential). */
function credentialFor(state: StateDir): string | undefined {
  const folder = process.env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || state.sealed('identity') !== undefined) return undefined;
  const file = join(folder, TOKEN_CREDENTIAL);
  return existsSync(file) && readFileSync(file, 'utf8').trim() !== NO_TOKEN ? file : undefined;
}

async function readToken(written: string): Promise<string> {
  const { joinToken } = await import('./up/join-token.ts');
  return joinToken(written);
}

/** The server of this machine, when it has one. */
async function startServer(
  { state, begin, pool, settings }: Start,
  log: Logger,
  end: AbortSignal,
): Promise<ServerProcess | undefined> {
  const listen = settings['server-listen'];
  if (listen === undefined) return undefined;
  const { ServerProcess } = await import('./up/server-process.ts');
  const logLevel = settings['log-level'] ?? DEFAULTS.logLevel;
  return ServerProcess.start({ state: join(state.path, 'server'), listen, logLevel, network: begin, pool }, log, end);
}

async function startAgent(
  start: Start,
  server: ServerProcess | undefined,
  log: JsonLog,
  end: AbortSignal,
): Promise<Agent> {
  const { begin, flags, file, settings } = start;
  try {
    const founded = begin === undefined || !server ? undefined : await begun(server, begin, settings);
    const token = founded?.own ?? start.token;
    const config = resolveConfig(
      token === undefined ? settings : { ...settings, join: token },
      token === undefined ? flags : { ...flags, join: token },
    );
    const origin = { written: settings, options: flags, file, config };
    const agent = await Agent.start(new Settings(origin), log, end, server);
    if (founded) await tell(founded);
    return agent;
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

async function begun(server: ServerProcess, network: string, settings: WrittenConfig): Promise<Founding> {
  const { found } = await import('./up/first-machine.ts');
  return found(server.admin, network, parseListenAddress(settings['server-listen'] ?? `:${DEFAULT_PORT}`).port);
}

async function tell({ group, next, nextUses }: Founding): Promise<void> {
  const { joinAdvice } = await import('./admin/token.ts');
  console.log(`\nThe network "${group}" is there, with a group of the same name. On the next machine:\n`);
  console.log(joinAdvice(next, { uses: nextUses, qr: true }));
  console.log(
    '\nFurther tokens, users and groups: sudo gscip admin --help. Later starts need no option: sudo gscip up',
  );
}

/** What the agent cannot go on after: everything is undone as far as it still can be, and the exit code tells. */
function abandon(agent: Agent, error: unknown): void {
  reportError(error, false);
  process.exitCode = 1;
  agent.stop('a failure').catch(() => process.exit(1));
}

/** A file that cannot be read changes nothing: the node goes on with what it has, and says so. */
async function reload(agent: Agent, log: JsonLog): Promise<void> {
  try {
    await agent.reload();
  } catch (error) {
    if (!(error instanceof GscipError)) throw error;
    log.log('error', 'reload-failed', { code: error.code, message: error.message, remedy: error.remedy });
  }
}
