import type { Refused } from './candidate-order.ts';
import { canMeet, type NatKind, UNKNOWN_NAT } from './nat-kind.ts';

/** Why a peer's traffic goes where it goes: a stable code, and a sentence for whoever reads `status`. */
export const PATH_REASONS = {
  lan: 'straight over the local network',
  direct: 'straight over the Internet',
  faster: 'this path is faster than the one before',
  'no-path': 'nothing is known of where the peer is',
  'relay-trying': 'through a relay while direct paths are tried',
  'relay-both-symmetric': 'through a relay: both sides map ports per destination',
  'relay-own-symmetric':
    'through a relay: this side maps ports per destination, and the peer lets in only ports it sent to',
  'relay-peer-symmetric':
    'through a relay: the peer maps ports per destination, and this side lets in only ports it sent to',
  'relay-own-udp-blocked': 'through a relay: UDP is blocked on this side',
  'relay-peer-no-address':
    'through a relay: the peer has no address that datagrams could go to; its UDP may be blocked',
  'relay-no-common-family': 'through a relay: one side has IPv4 only, the other IPv6 only',
  'relay-refused-addresses': 'through a relay: every address that the peer named is one that datagrams must not go to',
  'relay-unanswered': 'through a relay: no direct probe was answered; a firewall may be in the way',
  'relay-direct-died': 'through a relay: the direct path stopped answering',
} as const;

export type PathReason = keyof typeof PATH_REASONS;

/** Reasons of a node that asks no coordinator: its paths are configured, or proved by handshakes and roaming. */
export const CONFIGURED_REASONS = {
  proved: 'straight to the address that the last handshake or answer came from',
  'not-tried': 'an address is known, and nothing was sent there yet',
  'no-endpoint-known': 'nobody told this node where the peer is',
} as const;

/** The sentence of a code that `status` shows. */
export function reasonText(reason: PathReason | keyof typeof CONFIGURED_REASONS): string {
  return { ...PATH_REASONS, ...CONFIGURED_REASONS }[reason];
}

/** What decides why there is no direct path. */
export interface RelayCause {
  readonly own: NatKind;
  readonly peer: NatKind;
  readonly udpBlocked: boolean;
  /** addresses that the peer named, how many of these may be probed, how many were of a family that this side lacks */
  readonly named: number;
  readonly probed: number;
  readonly otherFamily: number;
  readonly trying: boolean;
  readonly died: boolean;
}

/** What a direction said, and what became of the addresses that it named. */
export function whatWasMet(
  direction: { readonly nat: NatKind; readonly candidates: readonly unknown[] } | undefined,
  probed: number,
  refused: readonly Refused[],
): Pick<RelayCause, 'peer' | 'named' | 'probed' | 'otherFamily'> {
  const otherFamily = refused.filter(({ reason }) => reason === 'no-such-family').length;
  return { peer: direction?.nat ?? UNKNOWN_NAT, named: direction?.candidates.length ?? 0, probed, otherFamily };
}

/** The first cause that is sure, before those that are only likely. */
export function whyRelayed(cause: RelayCause): PathReason {
  const { own, peer, udpBlocked, named, probed, otherFamily, trying, died } = cause;
  if (udpBlocked) return 'relay-own-udp-blocked';
  if (died) return 'relay-direct-died';
  if (trying) return 'relay-trying';
  if (named === 0) return 'relay-peer-no-address';
  if (probed === 0) return otherFamily > 0 ? 'relay-no-common-family' : 'relay-refused-addresses';
  if (canMeet(own, peer)) return 'relay-unanswered';
  if (!variesPorts(own)) return 'relay-peer-symmetric';
  return variesPorts(peer) ? 'relay-both-symmetric' : 'relay-own-symmetric';
}

function variesPorts({ mapping }: NatKind): boolean {
  return mapping === 'address' || mapping === 'port';
}
