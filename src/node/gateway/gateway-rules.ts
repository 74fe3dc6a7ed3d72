import { formatPrefix, type Prefix } from '../../tun/prefix.ts';
import { type Service, wayOutSources } from './way-out.ts';

/** What the table of a GEN is made from. */
export interface GatewayPlan {
  /** the overlay's interface */
  readonly tun: string;
  /** networks behind this node that certificate and roster give it */
  readonly subnets: readonly Prefix[];
  /** the overlay's own ranges */
  readonly overlay: readonly Prefix[];
  /** terminals see the router's own address as the sender of what comes from the overlay */
  readonly snat: boolean;
  /** another table of this machine rewrites source addresses: ours keeps those of terminals before it can */
  readonly keepSources: boolean;
  /** of a closed node: what its inside may reach outside */
  readonly services: readonly Service[];
}

/** Packets of each kind since the table was made; the names are the counters' names. */
export const GATEWAY_COUNTERS = {
  /** from elsewhere, with a source that is reached through the overlay */
  overlaySource: 'gateway-overlay-source',
  /** to the overlay, with a source that is not of this node's networks, or came in by another interface than it lies behind */
  foreignSource: 'gateway-foreign-source',
  /** from the overlay, to what is not one of this node's networks (protocol.md A4) */
  foreignDestination: 'gateway-foreign-destination',
  /** from the overlay, to a broadcast or multicast address of this machine's networks */
  broadcast: 'gateway-broadcast',
  /** forwarded from the overlay, and to it */
  passedIn: 'gateway-passed-in',
  passedOut: 'gateway-passed-out',
} as const;

/** Counts what got past all other tables; it stands behind the others, which are read before it. */
export const THROUGH = 'gateway-through';

/** The node's table, one for each overlay interface; nothing outside it is ever changed. */
export function gatewayTable(tun: string): string {
  return `inet gscip_gateway_${tun.replace(/[^A-Za-z0-9]/g, '_')}`;
}

/**
 * The whole table as one transaction that replaces whatever it held (protocol.md 2.1, 8.6). Verdicts of ours only drop:
 * what passes here is still up to the machine's other tables.
 */
export function gatewayScript(plan: GatewayPlan): string {
  const table = gatewayTable(plan.tun);
  const parts = [
    ...[...Object.values(GATEWAY_COUNTERS), THROUGH].map((name) => `  counter ${name} {}`),
    set('subnets4', 'ipv4_addr', plan.subnets, 4),
    set('subnets6', 'ipv6_addr', plan.subnets, 6),
    set('overlay4', 'ipv4_addr', plan.overlay, 4),
    set('overlay6', 'ipv6_addr', plan.overlay, 6),
    chain('arriving', 'type filter hook prerouting priority raw - 10; policy accept;', arriving(plan)),
    chain('forwarded', 'type filter hook forward priority filter - 10; policy accept;', [
      `iifname "${plan.tun}" jump from_overlay`,
      `oifname "${plan.tun}" jump to_overlay`,
    ]),
    chain('through', 'type filter hook forward priority 10000; policy accept;', [
      `iifname "${plan.tun}" counter name ${THROUGH} return`,
      `oifname "${plan.tun}" counter name ${THROUGH}`,
    ]),
    chain('from_overlay', '', fromOverlay(plan)),
    chain('to_overlay', '', TO_OVERLAY),
    ...sources(plan),
  ];
  return `table ${table} {}\ndelete table ${table}\ntable ${table} {\n${parts.join('\n')}\n}\n`;
}

const { overlaySource, foreignSource, foreignDestination, broadcast, passedIn, passedOut } = GATEWAY_COUNTERS;

function arriving({ tun }: GatewayPlan): string[] {
  return [
    // whoever may send in clear to this machine must not pass for a member, neither inside nor outside
    `iifname != { "lo", "${tun}" } meta nfproto ipv4 fib saddr oifname "${tun}" counter name ${overlaySource} drop`,
    // a link-local address is of every interface
    `iifname != { "lo", "${tun}" } ip6 saddr != fe80::/10 fib saddr oifname "${tun}" counter name ${overlaySource} drop`,
    `iifname != { "lo", "${tun}" } ip saddr @overlay4 counter name ${overlaySource} drop`,
    `iifname != { "lo", "${tun}" } ip6 saddr @overlay6 counter name ${overlaySource} drop`,
    `iifname "${tun}" fib daddr type { broadcast, multicast, anycast } counter name ${broadcast} drop`,
  ];
}

function fromOverlay({ tun }: GatewayPlan): string[] {
  return [
    `oifname "${tun}" counter name ${foreignDestination} drop`,
    `ip daddr @subnets4 counter name ${passedIn} return`,
    `ip6 daddr @subnets6 counter name ${passedIn} return`,
    `counter name ${foreignDestination} drop`,
  ];
}

const TO_OVERLAY = [
  `fib saddr . iif oif missing counter name ${foreignSource} drop`,
  `ip saddr @subnets4 counter name ${passedOut} return`,
  `ip6 saddr @subnets6 counter name ${passedOut} return`,
  // a router further inside tells of a terminal's packet: the node gives the error its own address (protocol.md 5.1)
  `icmp type { destination-unreachable, time-exceeded, parameter-problem } counter name ${passedOut} return`,
  `icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } counter name ${passedOut} return`,
  `counter name ${foreignSource} drop`,
];

function sources({ tun, snat, keepSources, subnets, services }: GatewayPlan): string[] {
  const rules = [
    ...wayOutSources(tun, subnets, services),
    ...(snat ? [`iifname "${tun}" oifname != "${tun}" masquerade`] : []),
    // the first translation that is chosen holds: one that changes nothing keeps later chains from choosing another
    ...(keepSources
      ? [
          `oifname "${tun}" ip saddr @subnets4 snat ip to ip saddr`,
          `oifname "${tun}" ip6 saddr @subnets6 snat ip6 to ip6 saddr`,
        ]
      : []),
  ];
  const hook = 'type nat hook postrouting priority srcnat - 10; policy accept;';
  return rules.length === 0 ? [] : [chain('leaving', hook, rules)];
}

function set(name: string, type: string, subnets: readonly Prefix[], family: 4 | 6): string {
  const elements = subnets.filter((subnet) => subnet.family === family).map(formatPrefix);
  const list = elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} };`;
  return `  set ${name} { type ${type}; flags interval; auto-merge;${list} }`;
}

function chain(name: string, hook: string, rules: readonly string[]): string {
  return [`  chain ${name} {`, ...(hook === '' ? [] : [hook]), ...rules, '}']
    .join('\n    ')
    .replace(/\n {4}}$/, '\n  }');
}
