import type { CoordinatorPlace } from '../api/channel/services.ts';
import type { Millis, UnixSeconds } from '../base/brands.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { GscipError } from '../base/errors.ts';
import { parseAddress } from '../base/ip-address.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import type { Logger } from '../base/log.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { NAT_KIND } from '../nat/constants.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import { endpoints, placeOf, tellableHosts } from './datagram-place.ts';
import { openServerSocket } from './datagram-socket.ts';
import { relaySecret } from './datagrams/relay-keys.ts';
import { Coordinator } from './dc/coordinator.ts';
import { NetworkMembers } from './dc/members.ts';
import { OWN_RELAY, type RelaySite } from './dc/relay-sites.ts';
import { type Allow, DcShell } from './dc-shell.ts';
import { serverKeys } from './gms/server-keys.ts';
import type { DatagramNumbers } from './http/metrics.ts';
import { overlayRanges } from './network/address-plan.ts';
import { viewOf } from './network/draft.ts';
import { settingsOf } from './network/settings.ts';
import { RELAY_RATES, type RelayRates } from './relay/relay-limits.ts';
import { RelayShell, type Tunnels } from './relay-shell.ts';
import type { ServerRole } from './server-roles.ts';
import type { Store } from './store/store.ts';

/** What the roles `dc` and `relay` take from the server. */
export interface DatagramWorld {
  readonly store: Store;
  readonly provider: CryptoProvider;
  readonly random: (length: number) => Uint8Array;
  readonly now: () => Millis;
  readonly time: () => UnixSeconds;
  readonly count: (name: string, by: number) => void;
  readonly log: Logger;
  /** relays that run apart */
  readonly relays: { readonly sites: readonly RelaySite[] } & { readonly allow: Allow };
  /** nodes whose UDP is blocked come through here */
  readonly tunnels: Tunnels & { start(take: (bytes: Uint8Array, from: PathAddress) => void): void };
}

export interface DatagramPlan {
  readonly roles: readonly ServerRole[];
  /** nobody asked for these roles by name: where their ports are taken, the server goes on without them */
  readonly isOptional: boolean;
  readonly listen: ListenAddress;
  readonly advertise: readonly string[] | undefined;
  /** "HOST:PORT" of the TLS door */
  readonly tunnels: readonly string[];
  readonly rates?: RelayRates | undefined;
  /** another address of this machine for the coordinator */
  readonly otherAddress?: string | undefined;
}

/** UDP ports of the roles that run; 0 for one that does not. */
export interface DatagramPorts {
  readonly dc: number;
  readonly spare: number;
  readonly relay: number;
}

export interface DatagramRoles {
  readonly ports: DatagramPorts;
  /** what nodes are told of the coordinator */
  readonly coordinator: CoordinatorPlace;
  numbers(): DatagramNumbers;
  stop(): void;
}

const NO_NUMBERS: DatagramNumbers = { nodes: 0, pairs: 0, channels: 0, datagrams: 0, bytes: 0, refused: 0 };

/**
 * Starts the coordinator and the relay of a server. The coordinator has the port number of the TLS door, on UDP, and the next
 * one as its other port; the relay has the one after that.
 */
export async function startDatagramRoles(plan: DatagramPlan, world: DatagramWorld): Promise<DatagramRoles | undefined> {
  const { roles, listen, isOptional } = plan;
  if (!roles.includes('dc')) return undefined;
  const opened: BatchSocket[] = [];
  const open = async (step: number, gro: boolean) => {
    const socket = await openServerSocket(listen, listen.port === 0 ? 0 : listen.port + step, gro);
    opened.push(socket);
    return socket;
  };
  try {
    const main = await open(0, false);
    const spare = await open(1, false);
    const relay = roles.includes('relay') ? await open(2, true) : undefined;
    const other = await openOther(plan, main.port);
    if (other) opened.push(other);
    return join(plan, world, { main, spare, other, relay });
  } catch (error) {
    for (const socket of opened) socket.close();
    if (!isOptional || !(error instanceof GscipError)) throw error;
    world.log.log('warn', 'datagram-roles-not-started', { code: error.code, reason: error.message });
    return undefined;
  }
}

/** The relay of this process and those that run apart; the same list as long as they are the same. */
function sitesOf(own: RelaySite | undefined, apart: DatagramWorld['relays']): () => readonly RelaySite[] {
  let others: readonly RelaySite[] | undefined;
  let sites: readonly RelaySite[] = [];
  return () => {
    if (others !== apart.sites) {
      others = apart.sites;
      sites = own ? [own, ...others] : others;
    }
    return sites;
  };
}

/** Its sockets; those of roles that do not run are not there. */
interface DatagramSockets {
  readonly main: BatchSocket;
  readonly spare: BatchSocket;
  readonly other: BatchSocket | undefined;
  readonly relay: BatchSocket | undefined;
}

/** The coordinator's socket at another address, with the number of its main one: NATs that tell addresses apart show it. */
async function openOther({ listen, otherAddress }: DatagramPlan, port: number): Promise<BatchSocket | undefined> {
  if (otherAddress === undefined) return undefined;
  const isPossible = listen.host !== undefined && listen.host !== otherAddress && parseAddress(otherAddress) !== null;
  if (isPossible) return openServerSocket({ host: otherAddress, port }, port, false);
  throw new GscipError(
    'usage',
    `--other-address ${otherAddress} does not go with this --listen`,
    'Give --listen one address of this machine, and --other-address another one.',
  );
}

function vantagePoints(
  hosts: readonly Uint8Array[],
  { dc, spare }: DatagramPorts,
  otherAddress = '',
): readonly PathAddress[] {
  const other = parseAddress(otherAddress);
  return endpoints([...hosts.slice(0, 3), ...(other ? [other] : [])], [dc]).concat(
    endpoints(hosts.slice(0, 3), [spare]),
  );
}

function join(
  { listen, advertise, tunnels, otherAddress, rates = RELAY_RATES }: DatagramPlan,
  world: DatagramWorld,
  { main, spare, other, relay: relaySocket }: DatagramSockets,
): DatagramRoles {
  const { store, provider, random, now, log, tunnels: tunnelled, relays: apart } = world;
  const settings = settingsOf(viewOf(store.state));
  const { gms, caPublic } = serverKeys(provider, settings);
  const members = new NetworkMembers(viewOf(store.state));
  const ports = { dc: main.port, spare: spare.port, relay: relaySocket?.port ?? 0 };
  const hosts = tellableHosts(advertise, listen, overlayRanges(settings));
  const place = placeOf(settings, listen, hosts, [ports.dc, ports.spare, ports.relay]);
  const secret = relaySecret(provider, settings.gmsSeed);
  const shared = { provider, random, members, place };
  const relay = relaySocket && new RelayShell({ ...shared, relaySecret: secret }, rates, relaySocket, world, tunnelled);
  const own = { name: OWN_RELAY, endpoints: endpoints(hosts, [ports.relay]), secret };
  const coordinator = new Coordinator(
    {
      ...shared,
      ...{ keys: gms, caPublic, hasOtherAddress: other !== undefined },
      vantages: vantagePoints(hosts, ports, otherAddress),
      relays: sitesOf(relay && own, apart),
    },
    now(),
  );
  const allow: Allow = (name, channel, nodes) =>
    name === OWN_RELAY ? relay?.allow(channel, nodes) : apart.allow(name, channel, nodes);
  const dc = new DcShell(
    coordinator,
    { main, 'other-port': spare, ...(other && { 'other-address': other }) },
    allow,
    world,
    tunnelled,
  );
  tunnelled.start((bytes, from) => {
    if (relay && (bytes[0] === DATAGRAM.frame || bytes[0] === NAT_KIND.bind)) relay.handleTunnelled(bytes, from);
    else dc.handleTunnelled(bytes, from);
  });
  const unsubscribe = store.onChanges((changes) => {
    const changed = changes.filter((change) => change.table === 'nodes');
    if (changed.length > 0) members.handleNodesChanged();
    for (const { row, key } of changed) {
      if (row !== undefined && row.standing !== 'removed') continue;
      dc.handleRemoved(key);
      relay?.handleRemoved(key);
    }
  });
  log.log('info', 'datagram-roles-up', { ...ports, packets: main.implementation });
  return {
    ports,
    coordinator: { key: gms.publicKey, endpoints: endpoints(hosts, [ports.dc]), tunnels },
    numbers: () => ({
      ...NO_NUMBERS,
      ...{ nodes: coordinator.nodes, pairs: coordinator.pairs },
      ...relay?.numbers(),
      refused: main.refused + spare.refused + (relaySocket?.refused ?? 0),
    }),
    stop: () => {
      unsubscribe();
      dc.stop();
      relay?.stop();
    },
  };
}
