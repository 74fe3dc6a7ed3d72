import type { Millis } from '../base/brands.ts';

/** Bytes of a packet that are kept: what an ICMP error must quote, with every header. */
const HEAD = 128;
/** Between two that are kept of one path, in milliseconds: the packet path must not notice. */
const EVERY = 50;
/** Flows of one path that are remembered, and for how long, in milliseconds. */
const FLOWS = 16;
const LIFE = 5_000;

/** The beginning of a large packet that left. */
export interface LargePacket {
  readonly head: Uint8Array;
  readonly size: number;
  readonly at: Millis;
}

/**
 * Who sent large packets by a path lately. When the path turns out to carry less, they are told at once: a TCP that waits for
 * the answer to a lost packet would send the next one only after seconds.
 */
export class LargeSenders {
  readonly #byFlow = new Map<number, LargePacket>();
  #nextAt = Number.NEGATIVE_INFINITY;

  /** True when it is time to keep one again. */
  wants(now: Millis): boolean {
    return now >= this.#nextAt;
  }

  /** `flow`: any number that tells flows apart most of the time. */
  keep(flow: number, packet: Uint8Array, size: number, now: Millis): void {
    this.#nextAt = now + EVERY;
    this.#byFlow.delete(flow);
    this.#byFlow.set(flow, { head: packet.slice(0, HEAD), size, at: now });
    if (this.#byFlow.size <= FLOWS) return;
    const [oldest] = this.#byFlow.keys();
    if (oldest !== undefined) this.#byFlow.delete(oldest);
  }

  /** Those that sent more than `mtu`; each is named once. */
  take(mtu: number, now: Millis): LargePacket[] {
    const found = [...this.#byFlow.values()].filter(({ size, at }) => size > mtu && now - at < LIFE);
    this.#byFlow.clear();
    return found;
  }
}
