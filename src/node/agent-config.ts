import { parse } from 'smol-toml';
import { GscipError } from '../base/errors.ts';
import { type ListenAddress as MetricsAddress, parseListenAddress } from '../base/listen-address.ts';
import { nearestName } from '../base/nearest-name.ts';
import { type PathAddress, pathAddress } from '../base/path-address.ts';
import { type Prefix, parsePrefix } from '../tun/prefix.ts';
import { isOverlayName } from './names/label.ts';
import { parseWorkers, type Workers } from './workers/wanted.ts';

/** What an agent runs with; flags win over the file, the file over what was kept. */
export interface AgentConfig {
  /** settings that were given as flags: a mistake in these stops the start, where one in what is kept may be no fault of today */
  readonly given: ReadonlySet<keyof WrittenConfig>;
  readonly bundle: string | undefined;
  /** the text of a join token, at the first start only: it is a secret, and never kept in the settings */
  readonly join: string | undefined;
  /** where the server is, HOST:PORT each: instead of the addresses that the token or the last run gave */
  readonly servers: readonly string[];
  /** what the node wants to be called; the server may add a number */
  readonly name: string | undefined;
  /** a server among the end nodes: it is told of new keys also where only such nodes are (protocol.md 10.2) */
  readonly alwaysOn: boolean;
  /** local UDP address and port, "0.0.0.0:47247", "[::]:47247", ":47247" or "47247" */
  readonly listen: ListenAddress;
  readonly peers: ReadonlyMap<string, PathAddress>;
  readonly state: string;
  readonly socket: string;
  readonly tun: string;
  /** inner MTU in bytes */
  readonly mtu: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** where metrics are read over TCP; absent, nowhere */
  readonly metrics: MetricsAddress | undefined;
  /** most entries of the PIT, in all and with one peer, and new ones per second with one peer (protocol.md 5.2) */
  readonly flows: number;
  readonly flowsPerPeer: number;
  readonly newFlowsPerSecond: number;
  /** GiB under one key after which it is changed (protocol.md 4.2) */
  readonly rekeyAfter: number;
  /** whether handshakes are rehearsed in quiet moments after the start, so that the first real ones are quick */
  readonly warmUp: boolean;
  /** threads that move packets, or 'split': one for each direction; absent, by the cores of the machine */
  readonly workers: Workers | undefined;
  /** whether the router is asked to let other nodes in (PCP, NAT-PMP, UPnP) */
  readonly portMapping: boolean;
  /** whether this machine's programs find members by name */
  readonly dns: boolean;
  /** of a GEN: terminals see the router's address as the sender of what comes from the overlay */
  readonly snat: boolean;
  /** of a closed GEN: interfaces between which it forwards also what is of no network behind it */
  readonly transit: readonly string[];
  /** connected networks that are at home behind a GEN although its router cannot prove it (protocol.md 8.2) */
  readonly home: readonly Prefix[];
}

export interface ListenAddress {
  /** undefined: all addresses of both families */
  readonly address: string | undefined;
  readonly port: number;
}

/** As written by a user: every key may be missing. Both the TOML file and the flags have this shape. */
export interface WrittenConfig {
  readonly bundle?: string;
  readonly join?: string;
  readonly server?: readonly string[];
  readonly name?: string;
  readonly 'always-on'?: boolean;
  /** where the server listens that is started beside this node, on the machine that began the network */
  readonly 'server-listen'?: string;
  readonly listen?: string;
  readonly peer?: readonly string[];
  readonly state?: string;
  readonly socket?: string;
  readonly tun?: string;
  readonly mtu?: number;
  readonly 'log-level'?: string;
  /** the log goes there, too */
  readonly 'log-file'?: string;
  /** "ADDR:PORT", where metrics are read by whoever reaches it */
  readonly metrics?: string;
  readonly flows?: number;
  readonly 'flows-per-peer'?: number;
  readonly 'new-flows-per-second'?: number;
  readonly 'rekey-after'?: number;
  readonly 'warm-up'?: boolean;
  readonly workers?: string;
  readonly 'port-mapping'?: boolean;
  readonly dns?: boolean;
  readonly snat?: boolean;
  readonly transit?: readonly string[];
  readonly home?: readonly string[];
}

export const DEFAULT_PORT = 47_247;
export const DEFAULTS = {
  state: '/var/lib/gscip',
  socket: '/run/gscip/gscip.sock',
  tun: 'gscip0',
  mtu: 1_400,
  logLevel: 'info',
  flows: 65_536,
  newFlowsPerSecond: 1_000,
  rekeyAfter: 128,
} as const;

/** Inner MTU that both IP versions and an outer packet of 1,500 bytes leave room for (protocol.md 6.5). */
const MTU = { least: 1_280, most: 9_000 } as const;
const FLOWS = { least: 1_024, most: 4_000_000 } as const;
const PER_PEER = { least: 64, most: 4_000_000 } as const;
const REKEY_AFTER = { least: 1, most: 128 } as const;
const PER_SECOND = { least: 1, most: 10_000_000 } as const;
/** Linux keeps 15 bytes of an interface name. */
const INTERFACE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

/** What each setting is. */
export const SETTING_KINDS = {
  bundle: 'string',
  join: 'string',
  server: 'strings',
  name: 'string',
  'always-on': 'boolean',
  'server-listen': 'string',
  listen: 'string',
  peer: 'strings',
  state: 'string',
  socket: 'string',
  tun: 'string',
  mtu: 'number',
  'log-level': 'string',
  'log-file': 'string',
  metrics: 'string',
  flows: 'number',
  'flows-per-peer': 'number',
  'new-flows-per-second': 'number',
  'rekey-after': 'number',
  'warm-up': 'boolean',
  workers: 'string',
  'port-mapping': 'boolean',
  dns: 'boolean',
  snat: 'boolean',
  transit: 'strings',
  home: 'strings',
} as const satisfies Record<keyof WrittenConfig, 'string' | 'strings' | 'number' | 'boolean'>;

function isKey(text: string): text is keyof WrittenConfig {
  return Object.hasOwn(SETTING_KINDS, text);
}

/** Parses the TOML file; unknown keys are refused with the nearest known one. `file` names it in errors. */
export function parseConfigFile(text: string, file: string): WrittenConfig {
  let raw: Readonly<Record<string, unknown>>;
  try {
    raw = parse(text);
  } catch (cause) {
    throw new GscipError('bad-config', `${file} is not valid TOML: ${firstLine(cause)}`, 'mend the line that it names');
  }
  for (const [key, value] of Object.entries(raw)) checkSetting(key, value, `${file}: `);
  return raw;
}

/** Throws for a key that there is not, or a value of another kind; `where` stands before what it says. */
export function checkSetting(key: string, value: unknown, where = ''): void {
  const kind = isKey(key) ? SETTING_KINDS[key] : undefined;
  if (kind === undefined)
    throw new GscipError(
      'bad-config',
      `${where}there is no setting "${key}"`,
      `did you mean "${nearestName(key, Object.keys(SETTING_KINDS))}"?`,
    );
  const fits =
    kind === 'strings'
      ? Array.isArray(value) && value.every((item) => typeof item === 'string')
      : typeof value === kind;
  if (!fits)
    throw new GscipError('bad-config', `${where}"${key}" must be ${DESCRIPTIONS[kind]}`, `as in: ${EXAMPLES[kind]}`);
}

const DESCRIPTIONS = {
  string: 'a text',
  number: 'a number',
  strings: 'a list of texts',
  boolean: 'true or false',
} as const;
const EXAMPLES = {
  string: 'tun = "gscip0"',
  number: 'mtu = 1400',
  strings: 'peer = ["server=192.0.2.1:47247"]',
  boolean: 'always-on = true',
} as const;

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0];
}

/** Checks every value; `written` is what was kept, the file and the flags joined. */
export function resolveConfig(written: WrittenConfig, flags: WrittenConfig = {}): AgentConfig {
  const flows = within('flows', written.flows ?? DEFAULTS.flows, FLOWS, 'flows');
  const { flowsPerPeer, newFlowsPerSecond } = flowLimits(written, flows);
  return {
    given: new Set(
      Object.keys(SETTING_KINDS)
        .filter(isKey)
        .filter((key) => flags[key] !== undefined),
    ),
    bundle: written.bundle,
    join: written.join,
    servers: (written.server ?? []).map(parseServer),
    name: written.name,
    alwaysOn: written['always-on'] ?? false,
    listen: parseListen(written.listen ?? `${ownPort(written)}`),
    peers: parsePeers(written.peer ?? []),
    state: written.state ?? DEFAULTS.state,
    socket: written.socket ?? DEFAULTS.socket,
    tun: parseInterface(written.tun ?? DEFAULTS.tun),
    mtu: within('mtu', written.mtu ?? DEFAULTS.mtu, MTU, 'bytes'),
    logLevel: parseLevel(written['log-level'] ?? DEFAULTS.logLevel),
    metrics: written.metrics === undefined ? undefined : parseListenAddress(written.metrics),
    flows,
    flowsPerPeer,
    newFlowsPerSecond,
    rekeyAfter: within('rekey-after', written['rekey-after'] ?? DEFAULTS.rekeyAfter, REKEY_AFTER, 'GiB'),
    warmUp: written['warm-up'] ?? true,
    workers: written.workers === undefined ? undefined : parseWorkers(written.workers),
    portMapping: written['port-mapping'] ?? true,
    dns: written.dns ?? true,
    snat: written.snat ?? false,
    transit: (written.transit ?? []).map(parseInterface),
    home: (written.home ?? []).map(parsePrefix),
  };
}

/** Beside a server of this machine, whose coordinator has the usual port, any that is free. */
function ownPort({ 'server-listen': server }: WrittenConfig): number {
  return server === undefined ? DEFAULT_PORT : 0;
}

function flowLimits(written: WrittenConfig, flows: number) {
  const perPeer = written['flows-per-peer'] ?? Math.max(1_024, Math.floor(flows / 8));
  const perSecond = written['new-flows-per-second'] ?? DEFAULTS.newFlowsPerSecond;
  return {
    flowsPerPeer: within('flows-per-peer', perPeer, PER_PEER, 'flows'),
    newFlowsPerSecond: within('new-flows-per-second', perSecond, PER_SECOND, 'flows per second'),
  };
}

function within(name: string, value: number, { least, most }: { least: number; most: number }, unit: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new GscipError('bad-config', `${name} = ${value} is out of range`, `use ${least} to ${most} ${unit}`);
}

/** Throws where the kernel would not take it as the name of an interface. */
export function parseInterface(text: string): string {
  if (INTERFACE_NAME.test(text) && text !== 'all' && text !== 'default') return text;
  throw new GscipError('bad-config', `"${text}" is no interface name`, 'use up to 15 letters, digits, "_", "." or "-"');
}

/** What may be kept of the settings for the next start: all but the join token. */
export function settingsToKeep({ join: _, ...others }: WrittenConfig): WrittenConfig {
  return others;
}

/** HOST:PORT or [IPV6]:PORT, the port by default ours. */
export function parseServer(text: string): string {
  const match = /^(?<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?<port>\d{1,5}))?$/.exec(text);
  const port = Number(match?.groups?.['port'] ?? DEFAULT_PORT);
  if (match?.groups && isOverlayName(match.groups['host'] ?? ''))
    throw new GscipError(
      'bad-config',
      `"${text}" is a name of the overlay, which leads nowhere before this node runs`,
      "give the server's address or name outside of it",
    );
  if (match?.groups && port > 0 && port <= 65_535) return `${match.groups['host']}:${port}`;
  throw new GscipError('bad-config', `"${text}" is no address of a server`, 'write HOST:PORT or [IPV6]:PORT');
}

/** One of the four levels. */
export function parseLevel(text: string): AgentConfig['logLevel'] {
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text;
  throw new GscipError('bad-config', `"${text}" is no log level`, 'use debug, info, warn or error');
}

/** Address and port to listen on, see `AgentConfig.listen`. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:(?:\[(?<six>[^\]]+)\]|(?<four>[^:]*)):)?(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port'] ?? -1);
  const address = match?.groups?.['six'] ?? match?.groups?.['four'] ?? '';
  try {
    if (port < 0 || port > 65_535) throw new RangeError('port');
    if (address === '' || address === '*') return { address: undefined, port };
    pathAddress(text);
    return { address, port };
  } catch {
    throw new GscipError('bad-config', `cannot listen on "${text}"`, 'write ADDRESS:PORT, [IPV6]:PORT or just PORT');
  }
}

/** The same as text. */
export function listenText(address: string | undefined, port: number): string {
  if (address === undefined) return `*:${port}`;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function parsePeers(written: readonly string[]): Map<string, PathAddress> {
  return new Map(written.map(parsePeer));
}

/** NAME=ADDR:PORT */
export function parsePeer(text: string): [string, PathAddress] {
  const at = text.indexOf('=');
  try {
    if (at < 1) throw new RangeError('no name');
    return [text.slice(0, at), pathAddress(text.slice(at + 1))];
  } catch {
    throw new GscipError(
      'bad-config',
      `"${text}" names no peer's endpoint`,
      'write NAME=ADDRESS:PORT, for example server=192.0.2.1:47247 or server=[2001:db8::1]:47247',
    );
  }
}
