import { CONTROL_MARK } from '../../base/control-mark.ts';
import { formatPrefix, type Prefix } from '../../tun/prefix.ts';
import { type Service, wayOutRules } from '../gateway/way-out.ts';

/*
 * What the kernel holds back for a node, as the text of one nftables transaction (protocol.md 8.2, 11.6).
 *
 *   closed:  nothing passes but loopback, the overlay's interface, the node's own sockets, and what a link needs
 *   guard:   of an open node: nothing to or from overlay addresses passes but by the overlay's interface
 *
 * It stands before connection tracking and before every table that changes marks, so a mark is the one that the socket
 * was given. Verdicts of ours that let something pass are not the last word: the machine's other tables may still drop it.
 */

export type LockLevel = 'closed' | 'guard';

/** What a closed node's rules are made from: all of it is known before the network is up. */
export interface ClosedPlan {
  readonly level: 'closed';
  /** the overlay's interface; it need not be there */
  readonly tun: string;
  /** it gives other machines addresses and routes (DHCP, router advertisements) */
  readonly isRouter: boolean;
  /** what it forwards beside the overlay; undefined: nothing */
  readonly between: PlainForwarding | undefined;
}

/** Whose packets a closed router may pass on in clear: it protects neither end, or both (protocol.md 20.2, rule 1). */
export interface PlainForwarding {
  /** the networks behind it, and the interfaces that lead to them */
  readonly own: readonly Prefix[];
  readonly inside: readonly string[];
  /** interfaces between which it is a router for others, too */
  readonly transit: readonly string[];
  /** what its inside may reach outside */
  readonly services: readonly Service[];
}

export interface GuardPlan {
  readonly level: 'guard';
  readonly tun: string;
  /** what is reached through the overlay: the pool, and networks of others that are routed into it */
  readonly overlay: readonly Prefix[];
  /** addresses of members' networks that a connected network has, too, without a proof that it is that one */
  readonly strange: readonly Prefix[];
  /** the routers of this machine's links, which are spoken to all the same */
  readonly routers: readonly Prefix[];
}

export type LockPlan = ClosedPlan | GuardPlan;

/** The node's table: one for each overlay interface, and nothing outside it is ever changed. */
export function lockTable(tun: string): string {
  return `inet gscip_lock_${tun.replace(/[^A-Za-z0-9]/g, '_')}`;
}

/** The whole table as one transaction, which replaces whatever it held: there is no moment without it. */
export function lockRules(plan: LockPlan): string {
  const table = lockTable(plan.tun);
  const body = plan.level === 'closed' ? closedBody(plan) : guardBody(plan);
  return `table ${table} {}\ndelete table ${table}\ntable ${table} {\n${body.join('\n')}\n}\n`;
}

/** Before connection tracking (-200) and raw tables (-300). */
const PRIORITY = 'priority raw - 10';
/** What the node's own sockets give their packets. */
const MARK = `0x${CONTROL_MARK.toString(16).padStart(8, '0')}`;

function closedBody({ tun, isRouter, between }: ClosedPlan): string[] {
  return [
    ...HANDSHAKES,
    chain('input', 'input', 'drop', [
      `iifname { "lo", "${tun}" } accept`,
      // the socket that it is for, also of an ICMP error about what that socket sent
      `socket mark ${MARK} jump own`,
      'ip saddr . tcp sport . ip daddr . tcp dport @handshakes4 accept',
      'ip6 saddr . tcp sport . ip6 daddr . tcp dport @handshakes6 accept',
      ...LINK_IN,
      ...(isRouter ? ROUTER_IN : []),
      'counter drop',
    ]),
    plainChain('own', OWN),
    chain('output', 'output', 'drop', [
      `oifname { "lo", "${tun}" } accept`,
      `meta mark ${MARK} accept`,
      ...LINK_OUT,
      ...(isRouter ? ROUTER_OUT : []),
      // the sender is told at once, instead of waiting for an answer that cannot come
      'counter reject with icmpx admin-prohibited',
    ]),
    chain('forward', 'forward', 'drop', [
      `iifname "${tun}" accept`,
      `oifname "${tun}" accept`,
      ...(between ? [...plainForwarding(between), ...wayOutRules(between, between.services)] : []),
      'counter drop',
    ]),
  ];
}

/** Both by interface and by address: neither alone says which end is protected. */
function plainForwarding({ own, inside, transit }: PlainForwarding): string[] {
  const ranges = ([4, 6] as const).map((v) =>
    own
      .filter(({ family }) => family === v)
      .map(formatPrefix)
      .join(', '),
  );
  const others = transit.filter((device) => !inside.includes(device));
  return ['ip', 'ip6'].flatMap((ip, at) => {
    const behind = ranges[at] === '' ? '' : `{ ${ranges[at]} }`;
    const within = behind && inside.length > 0 ? `${ip} saddr ${behind} ${ip} daddr ${behind}` : '';
    const past = behind && `${ip} saddr != ${behind} ${ip} daddr != ${behind}`;
    const family = `meta nfproto ipv${at === 0 ? 4 : 6}`;
    return [
      ...(within && [`${betweenDevices(inside)} ${within} accept`]),
      ...(others.length > 0 ? [`${betweenDevices(others)} ${past || family} accept`] : []),
    ];
  });
}

function betweenDevices(devices: readonly string[]): string {
  const names = devices.map((device) => `"${device}"`).join(', ');
  return `iifname { ${names} } oifname { ${names} }`;
}

/**
 * The last packet of a TCP handshake with a listening socket is for no socket yet that could have a mark; it is known by
 * the first one, which was.
 */
const HANDSHAKES = [4, 6].map(
  (v) =>
    `  set handshakes${v} { type ipv${v}_addr . inet_service . ipv${v}_addr . inet_service; size 16384; flags dynamic, timeout; timeout 10s; }`,
);

const OWN = [
  'tcp flags & (syn | ack) == syn update @handshakes4 { ip saddr . tcp sport . ip daddr . tcp dport }',
  'tcp flags & (syn | ack) == syn update @handshakes6 { ip6 saddr . tcp sport . ip6 daddr . tcp dport }',
  'accept',
];

/** ARP is of no table of this family. Neighbours' messages are theirs only with 255 hops left (RFC 4861 6.1, 7.1). */
const LINK_IN = [
  'icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
  'icmpv6 type mld-listener-query ip6 saddr fe80::/10 accept',
  'meta nfproto ipv4 udp sport 67 udp dport 68 accept',
  'ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept',
];
const LINK_OUT = [
  'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
  'icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } ip6 daddr ff02::/16 accept',
  'meta nfproto ipv4 udp sport 68 udp dport 67 accept',
  'ip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547 accept',
];

/** A router is on the other side of the same exchanges, and tells its terminals how large their packets may be. */
const ROUTER_IN = [
  'icmpv6 type nd-router-solicit ip6 hoplimit 255 accept',
  'meta nfproto ipv4 udp sport 68 udp dport 67 accept',
  'ip6 saddr fe80::/10 udp sport 546 udp dport 547 accept',
];
const ROUTER_OUT = [
  'icmpv6 type nd-router-advert ip6 hoplimit 255 accept',
  'meta nfproto ipv4 udp sport 67 udp dport 68 accept',
  'ip6 daddr fe80::/10 udp sport 547 udp dport 546 accept',
  'icmp type destination-unreachable icmp code frag-needed accept',
  'icmpv6 type packet-too-big accept',
];

/** What the guard of an open node drops, by kind; the names are the counters' names. */
export const GUARD_COUNTERS = {
  /** came in clear, from or to an address that is reached through the overlay */
  arrived: 'guard-arrived',
  /** would have left in clear, to such an address */
  leaving: 'guard-leaving',
  /** the same of a network with the addresses of a member's that is not proved to be it */
  strange: 'guard-lan-not-proved',
} as const;

function guardBody(plan: GuardPlan): string[] {
  const { tun, overlay } = plan;
  const [arrived, leaving] = [GUARD_COUNTERS.arrived, GUARD_COUNTERS.leaving];
  return [
    ...Object.values(GUARD_COUNTERS).map((name) => `  counter ${name} {}`),
    ...bothSets('overlay', overlay),
    ...strangeSets(plan),
    chain('input', 'input', 'accept', [
      `iifname { "lo", "${tun}" } accept`,
      // who may send in clear to this machine must neither pass for a member nor reach an overlay address
      ...each((ip, v) => `${ip} saddr @overlay${v} counter name ${arrived} drop`),
      ...each((ip, v) => `${ip} daddr @overlay${v} counter name ${arrived} drop`),
      ...strange(plan, (ip, v) => `${ip} saddr @strange${v} jump from_strange`),
    ]),
    chain('output', 'output', 'accept', [
      `oifname { "lo", "${tun}" } accept`,
      ...each((ip, v) => `${ip} daddr @overlay${v} counter name ${leaving} reject with icmpx admin-prohibited`),
      // an answer that a route of the machine's would send by the link
      ...each((ip, v) => `${ip} saddr @overlay${v} counter name ${leaving} drop`),
      ...strange(plan, (ip, v) => `${ip} daddr @strange${v} jump to_strange`),
    ]),
    chain('forward', 'forward', 'accept', [
      ...each((ip, v) => `oifname != "${tun}" ${ip} daddr @overlay${v} counter name ${leaving} drop`),
      ...each((ip, v) => `iifname != "${tun}" ${ip} saddr @overlay${v} counter name ${arrived} drop`),
      ...strange(plan, (ip, v) => `${ip} daddr @strange${v} counter name ${GUARD_COUNTERS.strange} drop`),
      ...strange(plan, (ip, v) => `${ip} saddr @strange${v} counter name ${GUARD_COUNTERS.strange} drop`),
    ]),
  ];
}

/** Chains and sets for strange networks: only the link itself, its routers, and the node's own sealed datagrams pass. */
function strangeSets(plan: GuardPlan): string[] {
  if (plan.strange.length === 0) return [];
  const name = GUARD_COUNTERS.strange;
  return [
    ...bothSets('strange', plan.strange),
    ...bothSets('routers', plan.routers),
    plainChain('from_strange', [
      `socket mark ${MARK} accept`,
      ...each((ip, v) => `${ip} saddr @routers${v} accept`),
      ...LINK_IN,
      `counter name ${name} drop`,
    ]),
    plainChain('to_strange', [
      `meta mark ${MARK} accept`,
      ...each((ip, v) => `${ip} daddr @routers${v} accept`),
      ...LINK_OUT,
      `counter name ${name} reject with icmpx admin-prohibited`,
    ]),
  ];
}

function strange(plan: GuardPlan, rule: (ip: string, v: 4 | 6) => string): string[] {
  return plan.strange.length === 0 ? [] : each(rule);
}

function each(rule: (ip: string, v: 4 | 6) => string): string[] {
  return [rule('ip', 4), rule('ip6', 6)];
}

function bothSets(name: string, ranges: readonly Prefix[]): string[] {
  return [set(`${name}4`, 'ipv4_addr', ranges, 4), set(`${name}6`, 'ipv6_addr', ranges, 6)];
}

function set(name: string, type: string, ranges: readonly Prefix[], family: 4 | 6): string {
  const elements = ranges.filter((range) => range.family === family).map(formatPrefix);
  const list = elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} };`;
  return `  set ${name} { type ${type}; flags interval; auto-merge;${list} }`;
}

function chain(name: string, hook: string, policy: 'accept' | 'drop', rules: readonly string[]): string {
  return plainChain(name, [`type filter hook ${hook} ${PRIORITY}; policy ${policy};`, ...rules]);
}

function plainChain(name: string, rules: readonly string[]): string {
  return [`  chain ${name} {`, ...rules.map((rule) => `    ${rule}`), '  }'].join('\n');
}
