import { fromHex, toHex } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { extendRoster, type Roster, type RosterFault } from '../crypto/roster.ts';

/** What is kept of a roster over restarts, so that it is never rolled back (protocol.md 9.3). */
export interface KeptRoster {
  readonly seq: number;
  /** hex */
  readonly head: string;
  /** hex of the entries that came from peers and stand in no bundle yet: the last ones up to `seq` */
  readonly learned: readonly string[];
}

/** `bundled`: how many of the entries came in a bundle. */
export function keepRoster({ seq, head, entries }: Roster, bundled: number): KeptRoster {
  return { seq, head: toHex(head), learned: entries.slice(bundled).map(toHex) };
}

/** A bundle's chain with those of the learned entries behind it that it does not hold. */
export function withLearned(
  chain: readonly Uint8Array[],
  { seq, learned }: Pick<KeptRoster, 'seq' | 'learned'>,
): readonly Uint8Array[] {
  const first = seq + 1 - learned.length;
  return [...chain, ...learned.slice(Math.max(0, chain.length - first)).map(fromHex)];
}

/** The roster that a start goes on with: the bundle's, extended by what was learned, and never another than was held. */
export function resumeRoster(
  provider: CryptoProvider,
  bundled: Roster,
  kept: KeptRoster | undefined,
): Roster | RosterFault {
  if (kept === undefined) return bundled;
  const chain = withLearned(bundled.entries, kept);
  const roster = extendRoster(provider, bundled, chain.slice(bundled.entries.length));
  if (typeof roster === 'string') return roster === 'previous' ? 'not-an-extension' : roster;
  const head = roster.heads[kept.seq];
  if (head === undefined) return 'rolled-back';
  return toHex(head) === kept.head ? roster : 'not-an-extension';
}
