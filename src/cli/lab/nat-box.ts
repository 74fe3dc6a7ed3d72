import type { Namespace } from './namespace.ts';
import { ruleTable, type TrafficRule } from './traffic-rules.ts';

/** How a NAT treats UDP, in the words of RFC 4787 (4.1, 5, 6). */
export interface NatBehaviour {
  /** the outer port of one inside port: one for all destinations, or another for each (`symmetric`) */
  readonly mapping: 'endpoint' | 'port';
  /** who may send in: anybody, whoever has an address that was sent to, or an address and port that was sent to */
  readonly filtering: 'endpoint' | 'address' | 'port';
  /** what is sent from inside to an outer port of this NAT comes back in, from the sender's outer port */
  readonly hairpin?: boolean;
  /** seconds that a mapping lives without datagrams */
  readonly life?: number;
}

/** The kinds that have names. */
export const NAT_BEHAVIOURS = {
  'full cone': { mapping: 'endpoint', filtering: 'endpoint' },
  'address-restricted': { mapping: 'endpoint', filtering: 'address' },
  'port-restricted': { mapping: 'endpoint', filtering: 'port' },
  symmetric: { mapping: 'port', filtering: 'port' },
} as const satisfies Readonly<Record<string, NatBehaviour>>;

const LIFE_SECONDS = 120;

/**
 * Makes a router with the devices `lan` and `wan` a NAT of this behaviour. The kernel's own NAT keeps ports where it can and
 * chooses anew where it cannot, so that the same inside port may get several outer ones. For one outer port per inside port the
 * first datagram gets a random port, which is learnt and given to the later ones.
 */
export function natBox(router: Namespace, outer: string, behaviour: NatBehaviour): TrafficRule {
  const { mapping, filtering, hairpin = false, life = LIFE_SECONDS } = behaviour;
  for (const name of ['udp_timeout', 'udp_timeout_stream'])
    router.sysctl(`net.netfilter.nf_conntrack_${name}`, String(life));
  const inside = mapping === 'port' ? [] : endpointMapping(outer, filtering, hairpin, life);
  return ruleTable(router, 'ip', [...inside, ...guard(outer), ...everyNat(mapping)].join('\n'));
}

/** Drops what was not asked for. If the router answered it, the kernel would remember that flow and give its port away. */
function guard(outer: string): string[] {
  return [
    'chain guard { type filter hook input priority filter;',
    `  iifname "wan" ct state new drop`,
    `  iifname "lan" ip daddr ${outer} drop`,
    '}',
  ];
}

/** The mapping of all that has none yet. */
function everyNat(mapping: NatBehaviour['mapping']): string[] {
  const known = mapping === 'port' ? [] : ['  oifname "wan" snat ip to ip saddr . udp sport map @outward'];
  return [
    'chain outbound { type nat hook postrouting priority srcnat;',
    ...known,
    '  oifname "wan" meta l4proto udp masquerade to :20000-59999 random,fully-random',
    '  oifname "wan" masquerade',
    '}',
  ];
}

/** One outer port for each inside port; the filter lets in more than the kernel would by itself. */
function endpointMapping(
  outer: string,
  filtering: NatBehaviour['filtering'],
  hairpin: boolean,
  life: number,
): string[] {
  const kept = `flags dynamic,timeout; timeout ${life}s; size 65535;`;
  const from = { endpoint: '', address: 'ip saddr . udp dport @opened ', port: '' }[filtering];
  return [
    `map inward { type inet_service : ipv4_addr . inet_service; ${kept} }`,
    `map outward { type ipv4_addr . inet_service : ipv4_addr . inet_service; ${kept} }`,
    `set opened { type ipv4_addr . inet_service; ${kept} }`,
    'chain inbound { type nat hook prerouting priority dstnat;',
    filtering === 'port' ? '' : `  iifname "wan" ${from}dnat ip to udp dport map @inward`,
    hairpin ? `  iifname "lan" ip daddr ${outer} dnat ip to udp dport map @inward` : '',
    '}',
    'chain back { type nat hook postrouting priority srcnat;',
    hairpin ? '  oifname "lan" ct status dnat snat ip to ip saddr . udp sport map @outward' : '',
    '}',
    'chain learn { type filter hook postrouting priority srcnat + 10;',
    ...learn('original', 'original'),
    // the answer to what was let in: here the inside is the side that answers
    ...learn('reply', 'reply'),
    '  oifname "wan" update @opened { ip daddr . udp sport }',
    '}',
  ];
}

function learn(direction: string, side: string): string[] {
  const inside = `ct ${side} ip saddr . ct ${side} proto-src`;
  return [
    `  oifname "wan" meta l4proto udp ct direction ${direction} update @inward { udp sport : ${inside} }`,
    `  oifname "wan" meta l4proto udp ct direction ${direction} update @outward { ${inside} : ip saddr . udp sport }`,
  ];
}

/** Lets no UDP through a router; TCP goes on. */
export function blockUdp(router: Namespace): TrafficRule {
  return ruleTable(router, 'inet', 'chain c { type filter hook forward priority -20; meta l4proto udp drop\n}');
}
