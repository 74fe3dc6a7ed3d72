import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRelayToken, type RelayToken } from '../api/relay-token.ts';
import { millis } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import { parseListenAddress } from '../base/listen-address.ts';
import type { Logger } from '../base/log.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { relaySecrets } from '../crypto/relay-link.ts';
import { MetricsDoor } from '../http/metrics-door.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import { writePrivately } from './authority/private-file.ts';
import { endpoints, sourcesServed, tellableHosts } from './datagram-place.ts';
import { openServerSocket } from './datagram-socket.ts';
import type { RelayDeps } from './relay/binding-desk.ts';
import { RELAY_RATES, type RelayRates } from './relay/relay-limits.ts';
import { type LinkOrder, RelayLinkShell } from './relay-link-shell.ts';
import { RelayMetrics } from './relay-metrics.ts';
import { RelayShell } from './relay-shell.ts';

/** What a relay that runs apart is started with. */
export interface RelayServerOptions {
  /** folder that keeps the token */
  readonly state: string;
  /** "ADDR:PORT" or ":PORT", over UDP */
  readonly listen: string;
  /** "HOST:PORT" where nodes reach it; by default the addresses of this machine */
  readonly advertise?: readonly string[] | undefined;
  /** the token or a file with it; kept in the folder, so that a later start needs none */
  readonly token?: string | undefined;
  readonly rates?: RelayRates | undefined;
  /** "ADDR:PORT" over TCP, where metrics are read by whoever reaches it; absent, nowhere */
  readonly metrics?: string | undefined;
  readonly release: string;
  readonly log: Logger;
}

export interface RunningRelay {
  readonly port: number;
  readonly endpoints: readonly PathAddress[];
  readonly servers: readonly string[];
  /** undefined where no metrics are served */
  readonly metricsUrl: string | undefined;
  close(): Promise<void>;
}

const TOKEN_FILE = 'relay.token';

/** Starts a relay on a machine of its own: it learns from the servers that its token names who may use which channel. */
export async function startRelayServer(options: RelayServerOptions): Promise<RunningRelay> {
  const { log, advertise } = options;
  const listen = parseListenAddress(options.listen);
  const { token, keep } = tokenOf(options);
  const running: RelayParts = { links: [] };
  const socket = await openServerSocket(listen, listen.port, true);
  let counted: Counted | undefined;
  try {
    counted = await servedMetrics(options, socket, running);
    keep();
  } catch (error) {
    socket.close();
    await counted?.door.close();
    throw error;
  }
  const hosts = tellableHosts(advertise, listen, []);
  const told = endpoints(hosts, [socket.port]);
  startRelaying(options, token, { socket, told, place: sourcesServed(listen, hosts, [socket.port]), counted }, running);
  log.log('info', 'relay-server-up', { port: socket.port, endpoints: told.join(' '), packets: socket.implementation });
  return {
    ...{ port: socket.port, endpoints: told, servers: token.servers, metricsUrl: counted?.door.url },
    close: async () => {
      for (const link of running.links) link.stop();
      running.relay?.stop();
      await counted?.door.close();
    },
  };
}

/** What runs of a relay by now. */
interface RelayParts {
  relay?: RelayShell;
  links: readonly RelayLinkShell[];
}

interface Counted {
  readonly metrics: RelayMetrics;
  readonly door: MetricsDoor;
}

/** Its metrics, and where they are read. */
async function servedMetrics(
  { metrics: where, log }: RelayServerOptions,
  socket: BatchSocket,
  running: RelayParts,
): Promise<Counted | undefined> {
  if (where === undefined) return undefined;
  const linked = () => running.links.filter(({ isUp }) => isUp).length;
  const numbers = () => running.relay && { ...running.relay.numbers(), refused: socket.refused };
  const metrics = new RelayMetrics(numbers, linked);
  const source = { text: () => metrics.text(), isWell: () => linked() > 0 };
  return { metrics, door: await MetricsDoor.open(parseListenAddress(where), { source, log }) };
}

interface RelayPlace {
  readonly socket: BatchSocket;
  /** where nodes are told that it is */
  readonly told: readonly PathAddress[];
  readonly place: RelayDeps['place'];
  readonly counted: Counted | undefined;
}

/** Starts the relay and its links. */
function startRelaying(
  { log, release, rates = RELAY_RATES }: RelayServerOptions,
  token: RelayToken,
  { socket, told, place, counted }: RelayPlace,
  running: RelayParts,
): void {
  const { link: psk, nodes } = relaySecrets(nodeProvider, token.secret);
  const deps = {
    ...{ provider: nodeProvider, random, relaySecret: nodes, place },
    // who is of the network is known by the channels that the servers allow
    members: { isActive: () => true },
  };
  const count = (event: string, by: number) => counted?.metrics.handleEvent(event, by);
  const relay = new RelayShell(deps, rates, socket, { now: monotonic, log, count }, undefined);
  running.relay = relay;
  const end = { provider: nodeProvider, random, id: token.id, psk, release, endpoints: () => told };
  const order = (given: LinkOrder) => carryOut(given, relay);
  running.links = token.servers.map((address) => new RelayLinkShell(address, end, { now: monotonic, log, order }));
}

function carryOut(order: LinkOrder, relay: RelayShell): void {
  switch (order.type) {
    case 'allow':
      for (const { channel, nodes: both } of order.channels) relay.allow(channel, both);
      return;
    case 'remove':
      for (const node of order.nodes) relay.handleRemoved(node);
      return;
    case 'welcome':
      return;
    default:
      return unreachable(order);
  }
}

/** The token that was given, or the one that is kept; `keep` keeps it for later starts. */
function tokenOf({ state, token: written }: RelayServerOptions): { readonly token: RelayToken; keep(): void } {
  const path = join(state, TOKEN_FILE);
  const isGiven = written !== undefined;
  if (!isGiven && !existsSync(path))
    throw new GscipError(
      'no-relay-token',
      'a relay that runs apart needs a token',
      'Make one on the server: gscip admin relay add NAME; then use --relay-token TOKEN.',
    );
  const text = isGiven && written.startsWith('gsr1.') ? written : readText(isGiven ? written : path);
  const token = decodeRelayToken(nodeProvider, text);
  if (typeof token === 'string')
    throw new GscipError(
      'bad-relay-token',
      `this is no relay token: ${token}`,
      'Copy it whole, from "gsr1." on, with the addresses behind the @.',
    );
  const keep = () => {
    if (!isGiven) return;
    mkdirSync(state, { recursive: true, mode: 0o700 });
    writePrivately(path, new TextEncoder().encode(`${text.trim()}\n`));
  };
  return { token, keep };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GscipError(
      'bad-relay-token',
      `"${path}" is neither a relay token nor a file that can be read`,
      'A token begins with "gsr1."; check the path behind --relay-token.',
      cause,
    );
  }
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

function monotonic() {
  return millis(performance.now());
}
