import { type Element, type Network, partners } from './network.ts';

/*
 * The rule by which the papers count: one item for each thing that has to be set at the managing device.
 *
 *   GSCIP   group key information 3 (group number, key, version) for each key of an element
 *           action information 0: made by DPRP
 *           GE information: user id and mode, and each group number; the slides count the common key too
 *   IPsec   pre-shared key 2 (peer, key), for each peer
 *           policy, both directions: discard 8, none 8, transport 14, tunnel 16
 *           IKE 12, once for each device
 */
export const GSCIP_RULE = { groupKey: 3, action: 0, element: { paper: 2, slides: 3 } } as const;
export const IPSEC_RULE = { key: 2, discard: 8, none: 8, transport: 14, tunnel: 16, ike: 12 } as const;

/** One device: items of keys, of actions or policies, and of itself (GE information, IKE). */
export interface Row {
  readonly name: string;
  readonly keys: number;
  readonly policies: number;
  readonly device: number;
}

export type Edition = keyof typeof GSCIP_RULE.element;

export function gscipRow({ name, groups }: Element, edition: Edition): Row {
  return {
    name,
    keys: GSCIP_RULE.groupKey * groups.size,
    policies: GSCIP_RULE.action,
    device: GSCIP_RULE.element[edition] + groups.size,
  };
}

export function gscipRows(network: Network, edition: Edition): Row[] {
  return network.elements.map((element) => gscipRow(element, edition));
}

/** Hosts that share a group have a transport policy for each other; each GEN is a security gateway. */
export function ipsecRows(network: Network): Row[] {
  const peers = partners(network);
  return network.elements.map((element) => {
    const count = peers.get(element)?.length;
    return count === undefined ? gatewayRow(element.name) : hostRow(element.name, count);
  });
}

function hostRow(name: string, peers: number): Row {
  return { name, keys: IPSEC_RULE.key * peers, policies: IPSEC_RULE.transport * peers, device: IPSEC_RULE.ike };
}

/** Printed is 30; with one key and IKE 16 are left: discard for strangers, none for what passes encrypted already. */
function gatewayRow(name: string): Row {
  return { name, keys: IPSEC_RULE.key, policies: IPSEC_RULE.discard + IPSEC_RULE.none, device: IPSEC_RULE.ike };
}

/** A host leaves its gateway's network: a key at both ends and a tunnel back. Printed is 4 + 16. */
export const IPSEC_MOVE = 2 * IPSEC_RULE.key + IPSEC_RULE.tunnel;

/**
 * Kerberized negotiation has no count in the papers, which only say that it needs a distribution centre for each group, with ids and
 * keys shared beforehand. By their rule, at its smallest: id and key at the centre and at the member, and which centre (address,
 * realm), for each group of each host; policies as with IPsec. It is for hosts only.
 */
const KINK_RULE = { atCentre: 2, atMember: 2, whichCentre: 2 } as const;

export function kinkSum(network: Network): number {
  const perGroup = KINK_RULE.atCentre + KINK_RULE.atMember + KINK_RULE.whichCentre;
  const rows = [...partners(network)].map(
    ([{ groups }, peers]) => perGroup * groups.size + IPSEC_RULE.transport * peers.length,
  );
  return rows.reduce((sum, items) => sum + items, 0);
}

export function rowSum({ keys, policies, device }: Row): number {
  return keys + policies + device;
}

export function sumOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + rowSum(row), 0);
}
