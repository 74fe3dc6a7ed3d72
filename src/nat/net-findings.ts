import { canMeet, type NatKind } from './nat-kind.ts';

/** What `netcheck` has to say of a network: a stable code, and a sentence with what it means for this node. */
export const NET_FINDINGS = {
  'agent-not-running': 'no agent runs: what only a node can find out, as the kind of NAT, is unknown',
  offline: 'no route leads out of this machine by either family',
  captive: "something else answers in the server's place: sign in at this network's portal, or ask who runs it",
  'server-silent': 'the server does not answer: a firewall may be in the way, or it is down',
  'no-coordinator': 'no coordinator is known: peers are found by configured addresses only',
  'udp-blocked': "UDP is blocked here: everything goes over the server's TCP port, and slower",
  'coordinator-silent': 'one of the coordinators does not answer by UDP',
  'no-relay': 'there is no relay: peers that cannot be reached directly cannot be reached',
  'relay-silent': 'one of the relays does not answer from here',
  'nat-per-destination':
    'the NAT maps ports per destination: peers behind a NAT that filters by port are reached through a relay',
  'nat-unknown': 'the kind of NAT could not be found out: direct paths are tried all the same',
  'double-nat': 'the router that mapped a port is behind another NAT: the mapping is of no use outside',
} as const;

export type NetFinding = keyof typeof NET_FINDINGS;

/** What the findings are drawn from; undefined and empty where it is unknown. */
export interface NetFacts {
  readonly agent: boolean;
  readonly isRouted: boolean;
  readonly connected: boolean;
  readonly door: 'open' | 'silent' | 'stranger' | 'not-asked';
  readonly complete: boolean;
  readonly udp: 'open' | 'blocked' | 'unknown';
  /** whether each answers */
  readonly coordinators: readonly boolean[];
  readonly relays: readonly boolean[];
  readonly nat: NatKind | undefined;
  /** hosts that a router says it has mapped a port on, and those that others see */
  readonly mappedHosts: readonly string[];
  readonly outerHosts: readonly string[];
}

const STRICT: NatKind = { mapping: 'endpoint', filtering: 'port', hairpin: undefined };

/** What stands in the way, the worst first. */
export function netFindings(facts: NetFacts): NetFinding[] {
  const { agent, udp, coordinators, relays, nat, door, connected, complete } = facts;
  const found: [NetFinding, boolean][] = [
    ['agent-not-running', !agent],
    ['offline', !facts.isRouted],
    ['captive', door === 'stranger'],
    ['server-silent', door === 'silent' && !connected],
    ['no-coordinator', agent && coordinators.length === 0],
    ['udp-blocked', udp === 'blocked'],
    ['coordinator-silent', udp === 'open' && coordinators.includes(false)],
    ['no-relay', agent && complete && coordinators.length > 0 && udp === 'open' && relays.length === 0],
    ['relay-silent', udp === 'open' && relays.includes(false)],
    ['nat-per-destination', nat !== undefined && !canMeet(nat, STRICT)],
    ['nat-unknown', udp === 'open' && complete && nat?.mapping === 'unknown'],
    ['double-nat', isDouble(facts)],
  ];
  return found.flatMap(([code, holds]) => (holds ? [code] : []));
}

function isDouble({ mappedHosts, outerHosts }: NetFacts): boolean {
  return mappedHosts.length > 0 && outerHosts.length > 0 && !mappedHosts.some((host) => outerHosts.includes(host));
}

/** The kind of NAT as people call it. */
export function natName({ mapping, filtering }: Pick<NatKind, 'mapping' | 'filtering'>): string {
  if (mapping === 'unknown') return 'unknown';
  if (mapping === 'none') return filtering === 'none' || filtering === 'unknown' ? 'none' : 'none, behind a firewall';
  if (mapping !== 'endpoint') return 'symmetric';
  switch (filtering) {
    case 'none':
    case 'endpoint':
      return 'full cone';
    case 'address':
      return 'address-restricted';
    case 'port':
      return 'port-restricted';
    default:
      return 'cone, filter unknown';
  }
}
