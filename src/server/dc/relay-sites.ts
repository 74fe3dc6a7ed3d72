import type { NodeId } from '../../base/brands.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { RelayPlace, RelayReach } from '../../nat/signal-message.ts';
import { relayKeyOf } from '../datagrams/relay-keys.ts';
import type { SignalPeer } from './signal-peer.ts';

/** A relay that this coordinator can speak to. */
export interface RelaySite {
  /** OWN_RELAY, or the name that an administrator gave it */
  readonly name: string;
  /** over UDP, each of them the same relay */
  readonly endpoints: readonly PathAddress[];
  /** what it shares with the coordinators: the keys of nodes follow from it */
  readonly secret: Uint8Array;
}

/** Name of the relay in the coordinator's own process: the one that its tunnels lead to. */
export const OWN_RELAY = '';

/** Milliseconds that a relay counts for whom it was not measured by, and for whom it has no address of the family it uses. */
const UNMEASURED = 400;
const NO_FAMILY = 4_000;
/** A pair changes its relay for one that is nearer by this much and by this part. */
const NEARER_MS = 10;
const NEARER_PART = 0.8;
const MOST_PLACES = 8;

type Reached = Pick<SignalPeer, 'from' | 'socket' | 'registration'>;

/** The relay of two nodes: the one with the shortest way between them by what both measured; the one of before unless another is clearly nearer. */
export function chooseRelay(
  sites: readonly RelaySite[],
  a: Reached,
  b: Reached,
  before: string | undefined,
): RelaySite | undefined {
  const costs = sites.map((site) => ({ site, cost: costOf(site, a) + costOf(site, b) }));
  const usable = costs.filter(({ cost }) => Number.isFinite(cost)).sort((x, y) => x.cost - y.cost);
  const [best] = usable;
  const kept = usable.find(({ site }) => site.name === before);
  if (!best || !kept) return best?.site;
  const isNearer = best.cost <= kept.cost - NEARER_MS && best.cost <= kept.cost * NEARER_PART;
  return isNearer ? best.site : kept.site;
}

/** By which of its addresses a node reaches a relay. */
export function endpointFor({ endpoints }: RelaySite, { from, registration }: Reached): PathAddress | undefined {
  const measured = reachOf(endpoints, registration?.relays ?? []).filter(({ rtt }) => rtt !== undefined);
  const [nearest] = measured.sort((x, y) => (x.rtt ?? 0) - (y.rtt ?? 0));
  const { family } = parsePath(from);
  return nearest?.address ?? endpoints.find((each) => parsePath(each).family === family) ?? endpoints[0];
}

/** What a node is told of the relays when it registers: where they are, and the key that each admits it by. */
export function relayPlaces(provider: CryptoProvider, sites: readonly RelaySite[], node: NodeId): RelayPlace[] {
  return sites
    .flatMap(({ endpoints, secret }) => {
      const key = relayKeyOf(provider, secret, node);
      return endpoints.map((address) => ({ address, key }));
    })
    .slice(0, MOST_PLACES);
}

function costOf({ name, endpoints }: RelaySite, { from, socket, registration }: Reached): number {
  if (socket === 'tunnel') return name === OWN_RELAY ? 0 : Number.POSITIVE_INFINITY;
  const reported = reachOf(endpoints, registration?.relays ?? []);
  const measured = reported.flatMap(({ rtt }) => (rtt === undefined ? [] : [rtt]));
  if (measured.length > 0) return Math.min(...measured);
  if (reported.length > 0) return Number.POSITIVE_INFINITY;
  const { family } = parsePath(from);
  return endpoints.some((each) => parsePath(each).family === family) ? UNMEASURED : NO_FAMILY;
}

function reachOf(endpoints: readonly PathAddress[], relays: readonly RelayReach[]): RelayReach[] {
  return relays.filter(({ address }) => endpoints.includes(address));
}
