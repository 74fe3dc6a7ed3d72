import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isServerAddress, JOIN_TOKEN } from '../api/join-token.ts';
import { millis, unixSeconds } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import { type ListenAddress, parseListenAddress } from '../base/listen-address.ts';
import type { Logger } from '../base/log.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { CONNECTION_LIMITS, ConnectionGuard, type ConnectionLimits } from '../http/connection-guard.ts';
import { type DatagramPorts, type DatagramRoles, startDatagramRoles } from './datagram-roles.ts';
import { Hub } from './gms/hub.ts';
import { makeApp } from './http/app.ts';
import type { Desk, ServerFacts } from './http/desk.ts';
import { Doors, isLocal } from './http/doors.ts';
import { FailedLogins } from './http/failed-logins.ts';
import { HubShell } from './http/hub-shell.ts';
import { ServerMetrics } from './http/metrics.ts';
import { NodeDoor } from './http/node-door.ts';
import { RelayDoor } from './http/relay-door.ts';
import { sourceNames, TunnelDoor } from './http/tunnel-door.ts';
import { DEFAULT_LISTEN, reachableAt } from './listen-address.ts';
import { overlayRanges } from './network/address-plan.ts';
import { viewOf } from './network/draft.ts';
import { type NetworkRequest, newNetwork } from './network/new-network.ts';
import { isMade, settingsOf } from './network/settings.ts';
import type { Tools } from './network/tools.ts';
import { shareWithOthers } from './process-share.ts';
import type { RelayRates } from './relay/relay-limits.ts';
import { ServerFolder } from './server-folder.ts';
import { serverHealth } from './server-health.ts';
import { DEFAULT_ROLES, parseServerRoles, type ServerRole, withoutDatagrams } from './server-roles.ts';
import { openStore } from './store/open-store.ts';
import type { Store } from './store/store.ts';
import { type TlsFiles, type TlsIdentity, tlsIdentity } from './tls.ts';

/** What a server is started with; what is absent has a default. */
export interface ServerOptions {
  /** folder of keys, certificate, database and local socket */
  readonly state: string;
  /** "ADDR:PORT" or ":PORT"; by default port 47247 on all addresses */
  readonly listen?: string | undefined;
  /** "HOST:PORT" that join tokens name; by default what is listened on */
  readonly advertise?: readonly string[] | undefined;
  /** "as,gms", or "as,gms,dc,relay"; by default all, as far as their UDP ports are free */
  readonly roles?: string | undefined;
  /** "postgres://…"; by default a SQLite file in the state folder */
  readonly database?: string | undefined;
  /** both or none: then the server makes its own certificate */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** seals secrets in the database; shared by the processes of one network. By default in the state folder */
  readonly keyFile?: string | undefined;
  /** what the network begins with, when the database is empty */
  readonly network?: Partial<NetworkRequest> | undefined;
  readonly limits?: ConnectionLimits | undefined;
  /** another address of this machine, from which the coordinator answers, too: nodes learn what their NAT lets in */
  readonly otherAddress?: string | undefined;
  /** what nodes may send through its relay */
  readonly rates?: RelayRates | undefined;
  readonly release: string;
  readonly log: Logger;
}

export interface RunningServer {
  /** https://… as clients on this machine reach it */
  readonly url: string;
  readonly port: number;
  /** path of the local socket */
  readonly socket: string;
  /** SHA-256 of the TLS key in base64 */
  readonly pin: string;
  /** "HOST:PORT" that join tokens name */
  readonly servers: readonly string[];
  /** of the roles dc and relay, when they run */
  readonly udp: DatagramPorts | undefined;
  /** the network was made by this start */
  readonly isNew: boolean;
  /** Orderly end: channels are told, requests under way are answered, the database is closed. */
  close(): Promise<void>;
}

const DEFAULT_NETWORK = 'gscip';
const CERTIFICATE_CHECK = 3_600_000;
const CORES = { provider: nodeProvider, random } as const;
const SERVER = { kind: 'server', name: '' } as const;

/** Starts all of a server or nothing: what fails leaves no socket, lock or new key behind. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const settings = checkedSettings(options);
  const undo: (() => unknown)[] = [];
  try {
    const running = await start(options, settings, undo);
    return { ...running, close: once(() => unwind(undo, options.log)) };
  } catch (error) {
    await unwind(undo, undefined);
    throw error;
  }
}

interface Settings {
  readonly roles: readonly ServerRole[];
  readonly listen: ListenAddress;
  readonly files: TlsFiles | undefined;
}

function checkedSettings({ roles, listen, tlsCert, tlsKey, advertise = [] }: ServerOptions): Settings {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new GscipError('usage', '--tls-cert and --tls-key belong together', 'Give both, or none of them.');
  const wrong = advertise.find((each) => !isServerAddress(each));
  if (wrong !== undefined || advertise.length > JOIN_TOKEN.servers)
    throw new GscipError(
      'usage',
      wrong === undefined ? `a token names at most ${JOIN_TOKEN.servers} addresses` : `"${wrong}" is no HOST:PORT`,
      'Write --advertise vpn.example.net:47247, IPv6 in brackets.',
    );
  const files = tlsCert === undefined || tlsKey === undefined ? undefined : { cert: tlsCert, key: tlsKey };
  return {
    roles: parseServerRoles(roles ?? DEFAULT_ROLES),
    listen: parseListenAddress(listen ?? DEFAULT_LISTEN),
    files,
  };
}

async function start(
  options: ServerOptions,
  { roles, listen, files }: Settings,
  undo: (() => unknown)[],
): Promise<Omit<RunningServer, 'close'>> {
  const { log, release, advertise, limits = CONNECTION_LIMITS } = options;
  const folder = new ServerFolder(options.state);
  undo.push(() => folder.close());
  const store = await openDatabase(options, folder);
  undo.push(() => store.close());
  const isNew = await makeNetwork(store, options.network);

  const reachable = (port: number) => reachableAt(listen, port, overlayRanges(settingsOf(viewOf(store.state))));
  const hosts = hostsOf(advertise ?? reachable(listen.port));
  const certificate = () => tlsIdentity(folder.path, files, hosts, wallClock());
  const identity = { shown: await certificate() };
  const hub = new Hub({ ...CORES, state: store.state });
  const guard = new ConnectionGuard(limits);
  const datagrams: { roles?: DatagramRoles | undefined } = {};
  const udp = () => ({ tunnels: tunnels.count, relays: relays.sites.length, ...datagrams });
  const metrics: ServerMetrics = newMetrics(store, hub, guard, udp);
  undo.push(() => metrics.close());
  const others = shareWithOthers(postgresOf(options), { store, hub, now: monotonic, shell: () => shell });
  undo.push(() => others.stop());
  const world = { ...CORES, store, share: others.peers, tools, log, now: monotonic, time: wallClock };
  const shell: HubShell = new HubShell(hub, world, (): NodeDoor => nodes);
  const nodes = new NodeDoor(shell, guard, metrics);
  const count = (name: string, by: number) => metrics.handleDatagramEvent(name, by);
  const tunnels: TunnelDoor = newTunnelDoor(guard, count, limits.opening);
  const relays = new RelayDoor({ ...world, guard });
  undo.push(() => shell.stop());

  const place = { port: listen.port };
  const facts = (): ServerFacts => ({
    ...{ release, url: urlOf(listen, place.port), pin: identity.shown.pin },
    roles: datagrams.roles ? roles : withoutDatagrams(roles),
    servers: advertise ?? reachable(place.port),
    database: postgresOf(options) === undefined ? 'sqlite' : 'postgresql',
    uptimeSeconds: process.uptime(),
    health: serverHealth(store, identity.shown, files !== undefined, relays.away(), wallClock()),
  });
  const nextBackup = () => join(folder.path, `backup-${new Date().toISOString().replaceAll(':', '')}.gscip`);
  const desk: Desk = {
    store,
    tools,
    facts,
    nextBackup,
    isConnected: (id) => hub.sessions.has(id),
    relayEndpoints: (id) => relays.endpointsOf(id),
  };
  const app = await makeApp({ desk, metrics, log, logins: new FailedLogins(), now: monotonic, isLocal });
  undo.push(() => app.close());
  const doors = new Doors(
    { app, nodes, others: [tunnels, relays], guard, metrics, opening: limits.opening },
    identity.shown,
  );
  undo.push(() => {
    shell.stop();
    return doors.close();
  });
  place.port = await doors.listen(listen, folder.adminSocket);
  const plan = { ...datagramPlan(options, roles, listen), tunnels: facts().servers };
  datagrams.roles = await startDatagramRoles(plan, { ...world, count, tunnels, relays });
  undo.push(() => datagrams.roles?.stop());
  others.coordinators(datagrams.roles === undefined ? [] : [datagrams.roles.coordinator]);
  const renewal = setInterval(() => void renew(identity, certificate, doors, log), CERTIFICATE_CHECK);
  undo.push(() => clearInterval(renewal));
  const { url, pin, servers } = facts();
  log.log('info', 'server-up', { url, pin, socket: folder.adminSocket, servers: servers.join(','), isNew });
  const ports = datagrams.roles?.ports;
  return { url, port: place.port, socket: folder.adminSocket, pin, servers, udp: ports, isNew };
}

function datagramPlan(options: ServerOptions, roles: readonly ServerRole[], listen: ListenAddress) {
  const { advertise, rates, otherAddress } = options;
  return { roles, isOptional: options.roles === undefined, listen, advertise, rates, otherAddress };
}

interface DatagramFacts {
  readonly tunnels: number;
  readonly relays: number;
  readonly roles?: DatagramRoles | undefined;
}

function newMetrics(store: Store, hub: Hub, guard: ConnectionGuard, datagrams: () => DatagramFacts): ServerMetrics {
  return new ServerMetrics({
    connectedNodes: () => hub.sessions.size,
    openConnections: () => guard.count,
    revision: () => store.state.revision,
    rows: () => Object.fromEntries(Object.entries(store.state.tables).map(([table, rows]) => [table, rows.size])),
    tunnels: () => datagrams().tunnels,
    relays: () => datagrams().relays,
    datagrams: () => datagrams().roles?.numbers(),
  });
}

function newTunnelDoor(guard: ConnectionGuard, count: (name: string, by: number) => void, proving: number): TunnelDoor {
  const nameSource = sourceNames((key, data) => nodeProvider.hmac(key, data), random(32));
  return new TunnelDoor({ guard, count, nameSource, proving });
}

async function openDatabase(options: ServerOptions, folder: ServerFolder): Promise<Store> {
  const { key, forget } = folder.sealKey(options.keyFile, random);
  const database = options.database ?? folder.database;
  try {
    return await openStore({ database, sealKey: key, provider: nodeProvider, random, now: wallClock });
  } catch (error) {
    forget();
    throw error;
  }
}

/** Makes the network of an empty database, unless another process was quicker. */
async function makeNetwork(store: Store, request: Partial<NetworkRequest> = {}): Promise<boolean> {
  if (isMade(viewOf(store.state))) return false;
  const network = request.network ?? DEFAULT_NETWORK;
  try {
    await store.run(SERVER, 'new-network', (draft) => newNetwork(tools(), draft, { ...request, network }), { network });
    return true;
  } catch (error) {
    if (isMade(viewOf(store.state))) return false;
    throw error;
  }
}

/** Shows a certificate that was renewed or replaced; one that cannot be read leaves the old one in use. */
async function renew(
  identity: { shown: TlsIdentity },
  certificate: () => Promise<TlsIdentity>,
  doors: Doors,
  log: Logger,
): Promise<void> {
  try {
    const next = await certificate();
    if (next.cert === identity.shown.cert) return;
    identity.shown = next;
    doors.show(next);
    log.log('info', 'certificate-renewed', { pin: next.pin, ends: next.ends });
  } catch (error) {
    log.log('error', 'certificate-not-renewed', { reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Undoes what was done, the last first, whatever fails on the way. */
async function unwind(undo: (() => unknown)[], log: Logger | undefined): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop())
    try {
      await step();
    } catch (error) {
      log?.log('error', 'stop-failed', { reason: error instanceof Error ? error.message : String(error) });
    }
  log?.log('info', 'server-down', {});
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}

function postgresOf({ database = '' }: ServerOptions): string | undefined {
  return /^postgres(ql)?:/.test(database) ? database : undefined;
}

function urlOf({ host = '127.0.0.1' }: ListenAddress, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function hostsOf(addresses: readonly string[]): readonly string[] {
  return addresses.map((each) => each.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

function wallClock() {
  return unixSeconds(Date.now() / 1000);
}

function monotonic() {
  return millis(performance.now());
}

function tools(): Tools {
  return { provider: nodeProvider, random, now: wallClock() };
}
