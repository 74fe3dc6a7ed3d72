import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { stringify } from 'smol-toml';
import { GscipError } from '../base/errors.ts';
import { Agent } from '../node/agent.ts';
import {
  DEFAULTS,
  parseConfigFile,
  parseInterface,
  parseLevel,
  parseListen,
  parsePeer,
  resolveConfig,
  type WrittenConfig,
} from '../node/agent-config.ts';
import { JsonLog } from '../node/json-log.ts';
import { LineWriter } from '../node/line-writer.ts';
import { StateDir } from '../node/state-dir.ts';
import { reportError } from './error-report.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';

interface UpOptions {
  readonly bundle?: string;
  readonly listen?: string;
  readonly peer?: readonly string[];
  readonly state?: string;
  readonly socket?: string;
  readonly tun?: string;
  readonly mtu?: number;
  readonly flows?: number;
  readonly flowsPerPeer?: number;
  readonly rekeyAfter?: number;
  readonly newFlowsPerSecond?: number;
  readonly logLevel?: string;
  readonly config?: string;
}

/** `gscip up` */
export function define(command: Command): void {
  command
    .option('--bundle <FILE>', "the node's bundle, as an authority wrote it; kept, so that later starts need no option")
    .option(
      '--listen <ADDR:PORT>',
      'the UDP port for all overlay datagrams (default: 47247 on all addresses)',
      checked(parseListen),
    )
    .option('--peer <NAME=ADDR:PORT>', 'where a peer is tried first; may be given several times', collect)
    .option('--state <DIR>', `identity, keys and settings (default: ${DEFAULTS.state})`)
    .option('--socket <PATH>', `control socket (default: ${DEFAULTS.socket})`)
    .option('--tun <NAME>', `name of the interface (default: ${DEFAULTS.tun})`, checked(parseInterface))
    .option('--mtu <N>', `inner MTU in bytes (default: ${DEFAULTS.mtu})`, wholeNumber(1_280, 9_000))
    .option('--flows <N>', `most flows in the PIT (default: ${DEFAULTS.flows})`, wholeNumber(1_024, 4_000_000))
    .option(
      '--rekey-after <GiB>',
      'change traffic keys after so much data, beside every two minutes (default: 128)',
      wholeNumber(1, 128),
    )
    .option(
      '--flows-per-peer <N>',
      'most flows with one peer (default: an eighth of --flows)',
      wholeNumber(64, 4_000_000),
    )
    .option('--new-flows-per-second <N>', 'new flows with one peer (default: 1000/s)', wholeNumber(1, 10_000_000))
    .option('--log-level <LEVEL>', 'debug, info, warn or error (default: info)', checked(parseLevel))
    .option('--config <FILE>', 'a TOML file with the same settings; options win over it')
    .action(up);
  examples(command, [
    ['sudo gscip up --bundle laptop.bundle --peer server=192.0.2.1:47247', 'first start: joins with a bundle'],
    ['sudo gscip up', 'later: goes on with what was kept'],
    ['sudo gscip up --config /etc/gscip.toml', 'the same from a file: peer = ["server=192.0.2.1:47247"]'],
  ]);
}

/** A wrong value on the command line is wrong usage, and told as such. */
function checked(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    try {
      parse(text);
      return text;
    } catch (error) {
      if (error instanceof GscipError) throw new InvalidArgumentError(`${error.message}: ${error.remedy}.`);
      throw error;
    }
  };
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, checked(parsePeer)(value)];
}

async function up(options: UpOptions): Promise<void> {
  const flags = withWholePaths(flagSettings(options));
  const file = options.config === undefined ? {} : withWholePaths(readConfigFile(options.config));
  if (flags.bundle !== undefined && !existsSync(flags.bundle))
    throw new GscipError('no-bundle', `there is no file ${flags.bundle}`, 'check the path behind --bundle');
  refuseWithoutRoot();
  const state = new StateDir(flags.state ?? file.state ?? DEFAULTS.state);
  const kept = state.config();
  const settings = {
    ...(kept === undefined ? {} : parseConfigFile(kept, `${state.path}/config.toml`)),
    ...file,
    ...flags,
    state: state.path, // the folder may have been moved since
  };
  const config = resolveConfig(settings, flags);
  const lines = new LineWriter(process.stderr.fd);
  const log = new JsonLog(lines.write, config.logLevel);
  const agent = await Agent.start(config, stringify({ ...settings }), log);
  const stop = (signal: string) => void agent.stop(signal);
  process.once('SIGINT', () => stop('SIGINT')).once('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGHUP', () => void reload(agent, log).catch((error: unknown) => abandon(agent, error)));
  process.once('uncaughtException', (error) => abandon(agent, error));
  await agent.done;
  lines.flush();
  process.exit();
}

/** What the agent cannot go on after: everything is undone as far as it still can be, and the exit code tells. */
function abandon(agent: Agent, error: unknown): void {
  reportError(error, false);
  process.exitCode = 1;
  agent.stop('a failure').catch(() => process.exit(1));
}

/** A bundle that cannot be read changes nothing: the node goes on with what it has, and says so. */
async function reload(agent: Agent, log: JsonLog): Promise<void> {
  try {
    await agent.reload();
  } catch (error) {
    if (!(error instanceof GscipError)) throw error;
    log.log('error', 'reload-failed', { code: error.code, message: error.message, remedy: error.remedy });
  }
}

function readConfigFile(path: string): WrittenConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GscipError('bad-config', `cannot read ${path}`, 'check the path behind --config', cause);
  }
  return parseConfigFile(text, path);
}

/** Paths that mean the same from wherever the node is started next. */
function withWholePaths(settings: WrittenConfig): WrittenConfig {
  const { bundle, state, socket } = settings;
  return {
    ...settings,
    ...(bundle !== undefined && { bundle: resolve(bundle) }),
    ...(state !== undefined && { state: resolve(state) }),
    ...(socket !== undefined && { socket: resolve(socket) }),
  };
}

function flagSettings(options: UpOptions): WrittenConfig {
  const { config: _, logLevel, rekeyAfter, flowsPerPeer, newFlowsPerSecond, ...same } = options;
  return {
    ...same,
    ...(logLevel !== undefined && { 'log-level': logLevel }),
    ...(rekeyAfter !== undefined && { 'rekey-after': rekeyAfter }),
    ...(flowsPerPeer !== undefined && { 'flows-per-peer': flowsPerPeer }),
    ...(newFlowsPerSecond !== undefined && { 'new-flows-per-second': newFlowsPerSecond }),
  };
}

function refuseWithoutRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new GscipError('no-root', 'a TUN interface needs root', 'run: sudo gscip up …');
}
