import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { type Cid, decodeCid, encodeCid } from '../base/cid.ts';
import { type Caps, decodeCaps, encodeCaps } from './caps.ts';
import { LISTED_GROUPS, SLOTS } from './constants.ts';
import type { DprpFault } from './fault.ts';

/*
 * Plaintext of the DDE's box, 80 bytes, sealed under the domain key (protocol.md 2.2)
 *
 *   0              38                54        56    58     60          80
 *   +--------------+-----------------+---------+-----+------+-----------+
 *   |    CID 38    |  preference 16  | suites 2| mtu | caps |   0×20    |
 *   +--------------+-----------------+---------+-----+------+-----------+
 *
 * preference, one byte per slot: rank 0–7, | 0x80 for the previous version's tag; 0xff for an unused slot.
 * suites: the first and the second choice, 0 for no second.
 */

/** Bytes of the plaintext. */
const DDE_BOX_BYTES = 80;

const UNUSED = 0xff;
const PREVIOUS = 0x80;

/** What one used slot stands for: the group of this rank (0 is liked best), by its current or its previous version. */
export interface SlotPreference {
  readonly rank: number;
  readonly previous: boolean;
}

/** What I asks for. */
export interface DdeBox {
  readonly cid: Cid;
  /** by slot; null for an unused one */
  readonly preference: readonly (SlotPreference | null)[];
  /** traffic suites, the liked one first: one or two */
  readonly suites: readonly number[];
  readonly mtu: number;
  readonly caps: Caps;
}

export function encodeDdeBox(box: DdeBox): Uint8Array {
  const writer = new ByteWriter(DDE_BOX_BYTES).raw(encodeCid(box.cid));
  for (let slot = 0; slot < SLOTS; slot++) writer.u8(preferenceByte(box.preference[slot] ?? null));
  writer.u8(box.suites[0]).u8(box.suites[1] ?? 0);
  return writer.u16(box.mtu).u16(encodeCaps(box.caps)).zeros(20).finish();
}

export function decodeDdeBox(bytes: Uint8Array): DdeBox | DprpFault {
  if (bytes.length !== DDE_BOX_BYTES) return 'length';
  const cid = decodeCid(bytes, 0);
  if (typeof cid === 'string') return 'cid';
  const reader = new ByteReader(bytes, 38);
  const preference = readPreference(reader);
  if (preference === null) return 'preference';
  const first = reader.u8();
  const second = reader.u8();
  if (first === 0 || first === second) return 'suite';
  const mtu = reader.u16();
  const caps = decodeCaps(reader.u16());
  if (typeof caps === 'string') return caps;
  if (!reader.zeros(20)) return 'pad';
  return { cid, preference, suites: second === 0 ? [first] : [first, second], mtu, caps };
}

function preferenceByte(entry: SlotPreference | null): number {
  if (entry === null) return UNUSED;
  return entry.rank | (entry.previous ? PREVIOUS : 0);
}

/** Null when a byte names no rank, or when two slots claim to be the same tag. */
function readPreference(reader: ByteReader): (SlotPreference | null)[] | null {
  const entries: (SlotPreference | null)[] = [];
  const seen = new Set<number>();
  for (let slot = 0; slot < SLOTS; slot++) {
    const byte = reader.u8();
    if (byte === UNUSED) {
      entries.push(null);
      continue;
    }
    const rank = byte & ~PREVIOUS;
    if (rank >= LISTED_GROUPS || seen.has(byte)) return null;
    seen.add(byte);
    entries.push({ rank, previous: (byte & PREVIOUS) !== 0 });
  }
  return entries;
}
