import type { PathAddress } from '../base/path-address.ts';
import { parsePath } from '../base/path-address.ts';
import type { Candidate } from './candidate.ts';
import { CANDIDATES_MAX, UNSEEN_PUBLIC_MAX } from './constants.ts';
import { covers, hostOf, isPrivate, type OuterFault, type OwnPlace, outerFault } from './outer-address.ts';

/** What kind of way to a peer an address is, best first: inside one site, direct over the Internet. */
export const PATH_CLASSES = ['lan', 'direct', 'relay'] as const;
export type PathClass = (typeof PATH_CLASSES)[number];

/** An address of a peer that may be probed. One socket sends to it: the system chooses the own address. */
export interface CandidatePair {
  readonly address: PathAddress;
  readonly kind: Candidate['kind'] | 'learnt';
  readonly class: PathClass;
  /** larger is probed earlier */
  readonly priority: number;
}

export interface Refused {
  readonly address: PathAddress;
  readonly reason: OuterFault | 'too-many' | 'unseen-public' | 'no-such-family';
}

/**
 * The peer's candidates as pairs in the order in which they are probed, and which were refused and why
 * (protocol.md N2): at most 8, of these at most 2 distinct public addresses that the DC has not seen as reflexive, none
 * that a datagram must not go to.
 */
export function pairCandidates(
  candidates: readonly Candidate[],
  place: OwnPlace,
): { readonly pairs: readonly CandidatePair[]; readonly refused: readonly Refused[] } {
  const pairs: CandidatePair[] = [];
  const refused: Refused[] = [];
  const unseen = new Set<string>();
  const seenHosts = new Set(candidates.filter(({ seen }) => seen).map(({ address }) => hostOf(address)));
  for (const candidate of candidates.slice(0, CANDIDATES_MAX)) {
    const reason = refusalOf(candidate, place, seenHosts, unseen);
    if (reason) refused.push({ address: candidate.address, reason });
    else if (!pairs.some(({ address }) => address === candidate.address)) pairs.push(pairOf(candidate, place));
  }
  for (const { address } of candidates.slice(CANDIDATES_MAX)) refused.push({ address, reason: 'too-many' });
  return { pairs: pairs.sort((a, b) => b.priority - a.priority), refused };
}

function refusalOf(
  { address: path }: Candidate,
  place: OwnPlace,
  seenHosts: ReadonlySet<string>,
  unseen: Set<string>,
): Refused['reason'] | undefined {
  const fault = outerFault(path, place);
  if (fault) return fault;
  const { address } = parsePath(path);
  if (!place.interfaces.some((own) => own.address.length === address.length)) return 'no-such-family';
  const host = hostOf(path);
  if (isPrivate(address) || seenHosts.has(host) || unseen.has(host)) return undefined;
  if (unseen.size === UNSEEN_PUBLIC_MAX) return 'unseen-public';
  unseen.add(host);
  return undefined;
}

/**
 * Same network first, then global IPv6, a public IPv4 host, a mapping, what the DC saw, and private addresses of another
 * network, which are seldom the same site. A shared prefix makes an address likely, never believed: every home has
 * 192.168.1.0/24, and only an authenticated answer tells whether it is the same one.
 */
function pairOf({ address: path, kind }: Candidate, place: OwnPlace): CandidatePair {
  const { family, address } = parsePath(path);
  const near = place.interfaces.some((own) => own.length > 0 && covers(own, address));
  const inside = isPrivate(address);
  const pair = { address: path, kind, class: near || inside ? ('lan' as const) : ('direct' as const) };
  if (near) return { ...pair, priority: 600 };
  if (inside) return { ...pair, priority: 100 };
  if (family === 6) return { ...pair, priority: 500 };
  return { ...pair, priority: { host: 400, mapped: 300, reflexive: 200 }[kind] };
}

/** A pair for an address that the peer was heard from under the TempKey, or `undefined` when it must not be used. */
export function learntPair(path: PathAddress, place: OwnPlace): CandidatePair | undefined {
  if (outerFault(path, place)) return undefined;
  const pair = pairOf({ kind: 'reflexive', address: path, seen: true }, place);
  return { ...pair, kind: 'learnt', priority: 450 };
}

/** The class of a path that was proved without having been a candidate. */
export function classOf(path: PathAddress, place: OwnPlace): PathClass {
  return pairOf({ kind: 'reflexive', address: path, seen: true }, place).class;
}
