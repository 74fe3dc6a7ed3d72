import { keyVersion } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { DATAGRAM } from '../../../src/base/datagram-kinds.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { SIZE } from '../../../src/dprp/constants.ts';
import { type Dde, decodeDde } from '../../../src/dprp/dde.ts';
import { sealCookie, sealNogroup, sealStale } from '../../../src/dprp/hint-seal.ts';
import type { Pick } from '../../dprp/random-network.ts';

/** A datagram between two nodes, by their names. */
export interface Passing {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

/** Keys that every enrolled node holds: what a member of the domain, but of no common group, can forge with. */
export interface DomainSecrets {
  readonly v: number;
  readonly kDde: Uint8Array;
  readonly kTag: Uint8Array;
  readonly kStale: Uint8Array;
}

const HEADER = 12;
const FRAME = 8;

/** A few bits, a cut, or a longer end. */
export function changed(pick: Pick, bytes: Uint8Array): Uint8Array {
  switch (pick(4)) {
    case 0:
      return bytes.slice(0, pick(bytes.length));
    case 1:
      return concat(bytes, random(pick, 1 + pick(100)));
    default: {
      const copy = bytes.slice();
      for (let times = 0; times <= pick(3); times++) copy[pick(copy.length)] ^= 1 << pick(8);
      return copy;
    }
  }
}

/** Lies about a datagram that was just seen, to either of its ends: messages of every kind, as well made as can be. */
export function forged(
  pick: Pick,
  about: Passing,
  past: readonly Passing[],
  domain: DomainSecrets | undefined,
): Passing[] {
  const { from, to, bytes } = about;
  const inner = bytes[0] === DATAGRAM.frame ? bytes.subarray(FRAME) : bytes;
  const back = (lie: Uint8Array): Passing => ({ from: to, to: from, bytes: lie });
  const on = (lie: Uint8Array): Passing => ({ from, to, bytes: lie });
  const lies = [...answers(pick, inner, domain).map(back), on(spliced(pick, inner, past)), on(noise(pick, inner))];
  const chosen = lies.filter(() => pick(2) === 0);
  // a frame, of a channel that was seen or of any
  return pick(4) > 0 ? chosen : chosen.map((lie) => ({ ...lie, bytes: concat(frameOf(pick, bytes), lie.bytes) }));
}

/** What could come back for this datagram: the next message, and every hint. */
function answers(pick: Pick, bytes: Uint8Array, domain: DomainSecrets | undefined): Uint8Array[] {
  const sender = bytes.slice(4, 8);
  const answer = (kind: number, size: number, index = sender) => {
    const lie = concat(Uint8Array.of(kind, 1, 0, 0), random(pick, 4), index, random(pick, size - HEADER));
    // an index of the sender's, or the 0 of a hint
    if (kind >= DATAGRAM.cookie) lie.fill(0, 4, 8);
    else lie[7] &= 0xf8;
    return lie;
  };
  const hints = [
    answer(DATAGRAM.cookie, SIZE.cookie),
    answer(DATAGRAM.stale, SIZE.stale),
    answer(DATAGRAM.nogroup, SIZE.nogroup),
    answer(DATAGRAM.noEntryHop, SIZE.noEntryHop),
  ];
  switch (bytes[0]) {
    case DATAGRAM.dde:
      return [...hints, answer(DATAGRAM.rgi, SIZE.rgi), ...sealedHints(pick, bytes, domain)];
    case DATAGRAM.rgi:
      return [answer(DATAGRAM.mpit, SIZE.mpit), ...hints];
    case DATAGRAM.mpit:
      return [answer(DATAGRAM.cdn, SIZE.cdn), ...hints];
    case DATAGRAM.data:
      return [answer(DATAGRAM.noEntryHop, SIZE.noEntryHop, bytes.slice(4, 8)), ...hints];
    default:
      return hints;
  }
}

/** Hints that open: sealed for this very DDE under the keys of the domain. */
function sealedHints(pick: Pick, bytes: Uint8Array, domain: DomainSecrets | undefined): Uint8Array[] {
  const dde: Dde | string = decodeDde(bytes);
  if (typeof dde === 'string' || domain === undefined) return [];
  const draw = (length: number) => random(pick, length);
  const mode = pick(2) === 0 ? 'op' : 'cl';
  const hint = { epoch: 0, version: keyVersion(domain.v + pick(3)), rosterSeq: pick(9), reason: 'domain' } as const;
  return [
    sealNogroup(nodeProvider, draw, dde, domain.kDde, { mode, type: 'ges' }),
    sealCookie(nodeProvider, draw, dde, domain.kTag, draw(16)),
    sealStale(nodeProvider, draw, dde, 'domain', domain.kStale, hint),
  ];
}

/** The head of one datagram and the body of another of its kind. */
function spliced(pick: Pick, bytes: Uint8Array, past: readonly Passing[]): Uint8Array {
  const same = past.filter((old) => old.bytes[0] === bytes[0] && old.bytes.length > HEADER);
  if (same.length === 0 || bytes.length <= HEADER) return bytes;
  const cut = HEADER + pick(bytes.length - HEADER);
  return concat(bytes.subarray(0, cut), same[pick(same.length)].bytes.subarray(cut));
}

/** The same head, and nothing that anybody sealed behind it. */
function noise(pick: Pick, bytes: Uint8Array): Uint8Array {
  const head = bytes.slice(0, Math.min(bytes.length, HEADER));
  if (bytes[0] === DATAGRAM.data && head.length === HEADER) head[8] = pick(256); // a counter, little-endian
  return concat(head, random(pick, Math.max(0, bytes.length - HEADER)));
}

function frameOf(pick: Pick, seen: Uint8Array): Uint8Array {
  if (seen[0] === DATAGRAM.frame && pick(2) === 0) return seen.slice(0, FRAME);
  return concat(Uint8Array.of(DATAGRAM.frame, 0, 0, 0), random(pick, 4));
}

function random(pick: Pick, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => pick(256));
}
