import type { Command } from 'commander';
import { parseListenAddress } from '../../base/listen-address.ts';
import {
  DEFAULTS,
  parseInterface,
  parseLevel,
  parseListen,
  parsePeer,
  parseServer,
  type WrittenConfig,
} from '../../node/agent-config.ts';
import { parseWorkers } from '../../node/workers/wanted.ts';
import { DEFAULT_POOL, parsePool } from '../../server/network/address-plan.ts';
import { parsePrefix } from '../../tun/prefix.ts';
import { checked } from '../checked.ts';
import { wholeNumber } from '../numbers.ts';

/** What `gscip up` takes on the command line. */
export interface UpOptions {
  readonly new?: string;
  readonly join?: string;
  readonly pool?: string;
  readonly bundle?: string;
  readonly name?: string;
  readonly server?: readonly string[];
  readonly serverListen?: string;
  readonly alwaysOn?: boolean;
  readonly listen?: string;
  readonly peer?: readonly string[];
  readonly state?: string;
  readonly socket?: string;
  readonly tun?: string;
  readonly mtu?: number;
  readonly flows?: number;
  readonly flowsPerPeer?: number;
  readonly rekeyAfter?: number;
  readonly warmUp?: boolean;
  readonly workers?: string;
  readonly portMapping?: boolean;
  readonly dns?: boolean;
  readonly snat?: boolean;
  readonly transit?: readonly string[];
  readonly home?: readonly string[];
  readonly newFlowsPerSecond?: number;
  readonly logLevel?: string;
  readonly logFile?: string;
  readonly metrics?: string;
  readonly config?: string;
}

/** Where the node's keys come from, at the first start; and how it is found. */
export function networkFlags(command: Command): Command {
  return command
    .option('--new <NAME>', 'begin a network and its first group on this machine: server and node')
    .option('--pool <CIDR>', `with --new: IPv4 range of the overlay (default: ${DEFAULT_POOL})`, checked(parsePool))
    .option('--join <TOKEN>', 'join a network: a token, a file that holds one, or - for standard input')
    .option('--bundle <FILE>', "the node's bundle, as an offline authority wrote it")
    .option('--name <NAME>', 'what this node is called (default: the name of the machine)')
    .option('--server <HOST:PORT>', 'where the server is now, if it moved; may be given several times', collectServer)
    .option('--server-listen <ADDR:PORT>', 'the TCP port of the server that --new begins', checked(parseListenAddress))
    .option('--always-on', 'a machine that others rely on: it is told of new keys in every group')
    .option(
      '--listen <ADDR:PORT>',
      'the UDP port for all overlay datagrams (default: 47247 on all addresses; with --new one that is free)',
      checked(parseListen),
    )
    .option('--peer <NAME=ADDR:PORT>', 'where a peer is tried first; may be given several times', collectPeer);
}

/** What the node does with its machine. */
export function machineFlags(command: Command): Command {
  return command
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
    .option('--warm-up', 'rehearse handshakes in quiet moments after the start (default)')
    .option('--no-warm-up', 'save that second of computing: first packets then wait about twice as long')
    .option(
      '--workers <N>',
      'threads that move packets, 1 to 8, or "split": one for each direction (default: by the cores of the machine)',
      collectWorkers,
    )
    .option('--port-mapping', 'ask the router by PCP, NAT-PMP or UPnP to let other nodes in (default)')
    .option('--no-port-mapping', 'leave the router alone')
    .option('--dns', 'let programs of this machine find members by name (default)')
    .option('--no-dns', "leave this machine's resolver and hosts file alone")
    .option(
      '--snat',
      "of a GEN: its terminals see the router's own address as the sender of what comes from the overlay",
    )
    .option('--no-snat', 'source addresses are kept (default)')
    .option(
      '--transit <INTERFACE>',
      'of a closed GEN: forward between these interfaces what is of no network behind it; given twice or more',
      collectInterface,
    )
    .option(
      '--home <CIDR>',
      'a network of this machine that is the one behind a GEN, though its router cannot prove it; may be given several times',
      collectHome,
    )
    .option('--log-level <LEVEL>', 'debug, info, warn or error (default: info)', checked(parseLevel))
    .option('--log-file <FILE>', 'write the log there, too: 10 MiB, and five full files beside it')
    .option(
      '--metrics <ADDR:PORT>',
      "where Prometheus reads the node's metrics, as 127.0.0.1:9470 or an overlay address of it (default: nowhere)",
      checked(parseListenAddress),
    )
    .option('--config <FILE>', 'a TOML file with the same settings; options win over it');
}

function collectPeer(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, checked(parsePeer)(value)];
}

function collectInterface(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, checked(parseInterface)(value)];
}

function collectServer(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, checked(parseServer)(value)];
}

function collectWorkers(value: string): string {
  checked(parseWorkers)(value);
  return value;
}

function collectHome(value: string, earlier: readonly string[] = []): readonly string[] {
  checked(parsePrefix)(value);
  return [...earlier, value];
}

/** The options as settings. `new`, `pool`, `join` and `config` are none: they are about this start only. */
export function flagSettings(options: UpOptions): WrittenConfig {
  const {
    config: _,
    new: __,
    join: ___,
    pool: ____,
    logLevel,
    logFile,
    rekeyAfter,
    warmUp,
    portMapping,
    flowsPerPeer,
    newFlowsPerSecond,
    alwaysOn,
    serverListen,
    ...same
  } = options;
  return {
    ...same,
    ...(logLevel !== undefined && { 'log-level': logLevel }),
    ...(logFile !== undefined && { 'log-file': logFile }),
    ...(rekeyAfter !== undefined && { 'rekey-after': rekeyAfter }),
    ...(warmUp !== undefined && { 'warm-up': warmUp }),
    ...(portMapping !== undefined && { 'port-mapping': portMapping }),
    ...(flowsPerPeer !== undefined && { 'flows-per-peer': flowsPerPeer }),
    ...(newFlowsPerSecond !== undefined && { 'new-flows-per-second': newFlowsPerSecond }),
    ...(alwaysOn !== undefined && { 'always-on': alwaysOn }),
    ...(serverListen !== undefined && { 'server-listen': serverListen }),
  };
}
