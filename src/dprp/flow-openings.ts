import { type Millis, millis } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import type { Cid } from '../base/cid.ts';
import type { HeldPacket } from '../pit/held.ts';

/** First repeat of an in-band MPIT where no round trip was measured; factor 2; four times (protocol.md 5.3, 15). */
export const FLOW_REPEAT_MS = 50;
const REPEATS = 4;
/** Bytes of riding packets that are remembered until their CDN, in all. */
const RIDING_BYTES = 4 * 1024 * 1024;
const RTT_FACTOR = 1.5;

/** A flow that waits for its CDN inside the SA. */
export interface FlowOpening {
  /** number of its PIT entry */
  readonly entry: number;
  /** number of its (peer, group, chain) */
  readonly owner: number;
  readonly cid: Cid;
  readonly pitId: Uint8Array;
  readonly since: Millis;
  wait: number;
  nextAt: Millis;
  repeats: number;
  /** packets that went behind its MPITs, for the case that the peer refuses them all */
  readonly riding: HeldPacket[];
}

/**
 * Flows opened by this node inside live SAs (protocol.md 5.3):
 *
 *   open ──CDN──► gone (confirmed or refused)
 *    └──no CDN──► repeat at max(50 ms, 1.5 RTT), ×2, four times ──► given up: a full DPRP follows
 */
export class FlowOpenings {
  readonly #byEntry = new Map<number, FlowOpening>();
  readonly #byPitId = new Map<string, FlowOpening>();
  /** of all riding packets */
  #bytes = 0;

  get size(): number {
    return this.#byEntry.size;
  }

  open(
    flow: Pick<FlowOpening, 'entry' | 'owner' | 'cid' | 'pitId'>,
    roundTrip: number | undefined,
    now: Millis,
  ): FlowOpening {
    const wait = Math.max(FLOW_REPEAT_MS, RTT_FACTOR * (roundTrip ?? 0));
    const opening: FlowOpening = { ...flow, since: now, wait, nextAt: millis(now + wait), repeats: 0, riding: [] };
    this.#byEntry.set(flow.entry, opening);
    this.#byPitId.set(keyOf(flow.owner, flow.pitId), opening);
    return opening;
  }

  /** Remembers a packet that rode behind an MPIT; false when there is no room for it. */
  keep(opening: FlowOpening, packet: HeldPacket): boolean {
    if (this.#bytes + packet.bytes.length > RIDING_BYTES) return false;
    this.#bytes += packet.bytes.length;
    opening.riding.push(packet);
    return true;
  }

  byEntry(entry: number): FlowOpening | undefined {
    return this.#byEntry.get(entry);
  }

  /** The opening that a CDN of this owner answers; it is gone from here on. */
  takeByPitId(owner: number, pitId: Uint8Array): FlowOpening | undefined {
    const opening = this.#byPitId.get(keyOf(owner, pitId));
    if (opening) this.#forget(opening);
    return opening;
  }

  /** The entry was closed, or confirmed by other means. */
  drop(entry: number): void {
    const opening = this.#byEntry.get(entry);
    if (opening) this.#forget(opening);
  }

  nextDeadline(): Millis | undefined {
    let next: Millis | undefined;
    for (const { nextAt } of this.#byEntry.values()) if (next === undefined || nextAt < next) next = nextAt;
    return next;
  }

  /** Flows whose MPIT goes out once more, and flows that are given up. */
  tick(now: Millis): { readonly repeat: FlowOpening[]; readonly givenUp: FlowOpening[] } {
    const repeat: FlowOpening[] = [];
    const givenUp: FlowOpening[] = [];
    for (const opening of [...this.#byEntry.values()]) {
      if (now < opening.nextAt) continue;
      if (opening.repeats >= REPEATS) {
        this.#forget(opening);
        givenUp.push(opening);
        continue;
      }
      opening.repeats += 1;
      opening.wait *= 2;
      opening.nextAt = millis(now + opening.wait);
      repeat.push(opening);
    }
    return { repeat, givenUp };
  }

  #forget(opening: FlowOpening): void {
    for (const { bytes } of opening.riding) this.#bytes -= bytes.length;
    this.#byEntry.delete(opening.entry);
    this.#byPitId.delete(keyOf(opening.owner, opening.pitId));
  }
}

function keyOf(owner: number, pitId: Uint8Array): string {
  return `${owner} ${toHex(pitId)}`;
}
