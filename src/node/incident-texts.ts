import type { ReasonText } from './reason-texts.ts';

const SPOOFED = 'look for a wrong route or address on the sender; else somebody tries to pass for another';
const MARTIAN = 'use an address of the two machines in their own networks, or of the overlay';
const FRAGMENT = 'let the sender make smaller packets, or look for what cuts them on the way';
const RENEW = "change the node's routes where its network is administered";

/** What a moved counter means for two ends, by its name (docs/guide/troubleshooting.md has the same by code). */
const TEXTS: Readonly<Record<string, ReasonText>> = {
  unspecified: {
    text: 'an address of 0.0.0.0/8, or ::, is nobody: it never travels through the overlay',
    remedy: MARTIAN,
  },
  loopback: {
    text: 'a loopback address means each machine itself: it never travels through the overlay',
    remedy: MARTIAN,
  },
  'link-local': {
    text: 'a link-local address holds on one link only: it never travels through the overlay',
    remedy: MARTIAN,
  },
  multicast: {
    text: 'multicast stays on the link: it never travels through the overlay',
    remedy: 'ask each machine by its own address',
  },
  broadcast: {
    text: 'broadcast stays on the link: it never travels through the overlay',
    remedy: 'ask each machine by its own address',
  },
  'mapped-address': {
    text: 'an IPv4 address written as IPv6 never travels through the overlay',
    remedy: 'write it as IPv4',
  },
  'gateway-broadcast': {
    text: 'the last address of a network is all machines there: the GEN drops what comes from the overlay for it, where the network is one link',
    remedy: 'ask each machine by its own address',
  },
  'bad-fragment': { text: 'fragments with impossible bounds were dropped', remedy: FRAGMENT },
  'tiny-fragment': {
    text: 'first fragments too small to hold their ports were dropped, and what follows them',
    remedy: FRAGMENT,
  },
  'fragment-overlap': { text: 'fragments that overlap were dropped with their whole datagram', remedy: FRAGMENT },
  'fragment-waiting-full': {
    text: 'later fragments were dropped: too many wait for their first one',
    remedy: FRAGMENT,
  },
  'icmp-embedded': {
    text: 'ICMP errors were dropped that quote too little of a packet, or an error',
    remedy: 'look at the router that sends them',
  },
  'icmp-redirect': {
    text: 'ICMP redirects were dropped: nobody reroutes flows of the overlay',
    remedy: 'look at the router that sends them',
  },
  'icmp-without-entry': {
    text: 'ICMP errors were dropped that are about no flow between the two',
    remedy: 'none, where the flow had ended; else look at who sends them',
  },
  'icmp-source-replaced': {
    text: "an ICMP error of a router behind this node went on with this node's own address",
    remedy: '',
  },
  'icmp-error-passed': { text: 'ICMP errors about a flow between the two were passed on to its sender', remedy: '' },
  'ttl-expired': {
    text: 'the TTL of packets ran out behind the tunnel, and their sender was told by ICMP',
    remedy: 'routine for traceroute; else look for a loop of routes at the other end',
  },
  'foreign-source': { text: 'packets were dropped whose source is not of this node, nor behind it', remedy: SPOOFED },
  'foreign-destination': {
    text: 'packets out of the tunnel were dropped that are not for this node, nor for what is behind it',
    remedy: SPOOFED,
  },
  'entry-forbids': {
    text: 'packets out of the tunnel were dropped since the flow is not open',
    remedy: 'see the flows below',
  },
  'no-member-there': {
    text: 'the flow was known, but the member at its other end has gone',
    remedy: 'gscip admin node list, on the server',
  },
  'gateway-overlay-source': {
    text: 'a source of the overlay is believed only out of the tunnel: in clear, from inside or outside, its packets are dropped',
    remedy: SPOOFED,
  },
  'gateway-foreign-source': {
    text: 'packets of terminals are dropped whose source is not of the networks behind this node, or came in by another interface',
    remedy: SPOOFED,
  },
  'guard-arrived': {
    text: 'an overlay address is believed only out of the tunnel: packets that come with it by another interface are dropped',
    remedy: SPOOFED,
  },
  'network-shared': {
    text: 'several nodes are given this network: packets go to the first, and are taken from each',
    remedy: 'give it to one only, unless both routers stand side by side',
  },
  'network-in-overlay': {
    text: "this network overlaps the overlay's own addresses: no router serves it",
    remedy: RENEW,
  },
  'network-left-out': {
    text: 'this network is not routed into the overlay here',
    remedy: 'give one of the two networks other addresses, or remove that route',
  },
  'network-not-certified': {
    text: 'a list of members gives this network to the node, its certificate does not: it answers for nothing there',
    remedy: RENEW,
  },
};

const FAMILIES: readonly (readonly [RegExp, string, string])[] = [
  [
    /^rgi-hops|^(rgi|mpit)-hop-/,
    'an element on the path said of itself what its certificate or signature does not bear, or was left out: the answer was not taken',
    'which elements are on the path is shown above; compare their types and modes with gscip admin node list, on the server',
  ],
  [
    /^element-hop-/,
    'a message of the two ordered what this element refuses, or does not hold together with what was agreed: it was dropped here',
    'bring the two ends to one release; if it stays, one of them is not what it says it is',
  ],
  [
    /^(rgi|mpit)-/,
    'a handshake message of the other end was authentic in part only, and not taken',
    'compare keys and members of both ends: gscip status on each',
  ],
];

/** Every counter that `explain` may name has one. */
export function incidentText(counter: string): ReasonText {
  const known = TEXTS[counter];
  if (known) return known;
  const family = FAMILIES.find(([name]) => name.test(counter));
  if (family) return { text: family[1], remedy: family[2] };
  return {
    text: 'packets between the two were dropped before their flow was looked up',
    remedy: 'look at who sends them',
  };
}
