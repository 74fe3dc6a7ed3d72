import { type Millis, millis } from '../base/brands.ts';
import { parseFlow } from '../base/flow.ts';
import type { AddressKey } from '../base/flow-cid.ts';
import { FLOW, FLOW_FLAG } from '../base/flow-words.ts';
import { PACKET } from '../base/primitives.ts';

/** A packet that waits: its bytes and what its row said (fields of PACKET). */
export interface HeldPacket {
  readonly bytes: Uint8Array;
  readonly kind: number;
  readonly gsoSize: number;
  readonly headerLength: number;
  readonly l4Offset: number;
  /** when it was first held: holding it again does not make it younger */
  readonly since: Millis;
  /** of a fragment: the CID words that its own bytes may not hold */
  readonly datagram?: { readonly head: number; readonly ports: number } | undefined;
}

/** Tuning of protocol.md 15. */
export const HELD_LIMITS = {
  packetsPerDestination: 64,
  bytesPerDestination: 128 * 1024,
  bytesPerSource: 256 * 1024,
  bytesInAll: 4 * 1024 * 1024,
  destinationsPerSource: 20,
  life: 3_000,
  /** while this node fetches newer keys */
  lifeForKeys: 10_000,
} as const;
export type HeldLimits = { readonly [K in keyof typeof HELD_LIMITS]: number };

/** Why a held packet was dropped by this table itself; `drop` adds the caller's own reasons to the counters. */
export type HeldDrop =
  | 'held-destination-full'
  | 'held-source-full'
  | 'held-all-full'
  | 'held-too-many-destinations'
  | 'held-expired';

interface Item {
  readonly packet: HeldPacket;
  readonly source: Source;
  readonly destination: Destination;
}

interface Source {
  readonly key: AddressKey;
  readonly items: Set<Item>;
  /** packets waiting, by destination */
  readonly destinations: Map<Destination, number>;
  bytes: number;
}

interface Destination {
  readonly key: AddressKey;
  readonly items: Set<Item>;
  bytes: number;
  /** how long its packets wait */
  life: number;
}

/**
 * Copies the packet of row `row` out of the arena, before the arena is used again.
 * `flow`: its FLOW words, from which a fragment keeps what only its datagram's first one tells.
 */
export function heldPacket(
  arena: Uint8Array,
  packets: Int32Array,
  row: number,
  now: Millis,
  flow?: Int32Array,
): HeldPacket {
  const at = row * PACKET.stride;
  const offset = packets[at + PACKET.offset];
  return {
    bytes: arena.slice(offset, offset + packets[at + PACKET.length]),
    kind: packets[at + PACKET.kind],
    gsoSize: packets[at + PACKET.gsoSize],
    headerLength: packets[at + PACKET.headerLength],
    l4Offset: packets[at + PACKET.l4Offset],
    since: now,
    datagram: flow === undefined ? undefined : datagramOf(flow),
  };
}

/** Parses a released packet into FLOW words; a later fragment gets the CID that it was held with. FLOW_STATUS, 0 for good. */
export function parseHeld(packet: HeldPacket, flow: Int32Array): number {
  const { bytes, datagram } = packet;
  const status = parseFlow(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, flow);
  if (status === 0 && datagram !== undefined) {
    flow[FLOW.head] = datagram.head;
    flow[FLOW.ports] = datagram.ports;
  }
  return status;
}

function datagramOf(flow: Int32Array): HeldPacket['datagram'] {
  const fragment = (flow[FLOW.flags] & FLOW_FLAG.fragment) !== 0;
  return fragment ? { head: flow[FLOW.head], ports: flow[FLOW.ports] } : undefined;
}

/**
 * Packets that wait for DPRP or for CDN, by destination address (protocol.md 5.2). Every packet leaves exactly once:
 * released in the order of arrival, or dropped and counted. At a bound the oldest packet under that bound goes;
 * a source with too many destinations unresolved cannot begin another.
 */
export class Held {
  readonly #limits: HeldLimits;
  readonly #sources = new Map<AddressKey, Source>();
  readonly #destinations = new Map<AddressKey, Destination>();
  /** insertion order is the order of arrival, here and in the sets of sources and destinations */
  readonly #items = new Set<Item>();
  #bytes = 0;
  /** no packet is older than this asks for; may be early after a release */
  #deadline = Number.POSITIVE_INFINITY;
  /** Dropped packets by reason. */
  readonly dropped = new Map<string, number>();

  constructor(limits: Partial<HeldLimits> = {}) {
    this.#limits = { ...HELD_LIMITS, ...limits };
  }

  get packets(): number {
    return this.#items.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  isHolding(destination: AddressKey): boolean {
    return this.#destinations.has(destination);
  }

  /** Holds a packet; false when it was dropped instead. */
  hold(source: AddressKey, destination: AddressKey, packet: HeldPacket): boolean {
    const from = this.#source(source);
    const to = this.#destination(destination);
    if (!from.destinations.has(to) && from.destinations.size >= this.#limits.destinationsPerSource) {
      this.#count('held-too-many-destinations');
      this.#forget(from, to);
      return false;
    }
    const item: Item = { packet, source: from, destination: to };
    this.#add(item);
    this.#shrink(to, from);
    return this.#items.has(item);
  }

  /** Packets for a destination, if there are any, wait as long as a fetch of newer keys may take. */
  waitForKeys(destination: AddressKey): void {
    const known = this.#destinations.get(destination);
    if (known) known.life = this.#limits.lifeForKeys;
  }

  /** Destinations that packets wait for. */
  destinations(): AddressKey[] {
    return [...this.#destinations.keys()];
  }

  /** Takes all packets for a destination, oldest first. */
  release(destination: AddressKey): HeldPacket[] {
    const items = [...(this.#destinations.get(destination)?.items ?? [])];
    for (const item of items) this.#remove(item);
    return items.map(({ packet }) => packet);
  }

  /** Drops all packets for a destination under the caller's reason; returns how many. */
  drop(destination: AddressKey, reason: string): number {
    const items = [...(this.#destinations.get(destination)?.items ?? [])];
    for (const item of items) this.#dropItem(item, reason);
    return items.length;
  }

  /** Drops what has waited too long; returns the destinations that lost a packet. */
  expire(now: Millis): AddressKey[] {
    const lost = new Set<AddressKey>();
    this.#deadline = Number.POSITIVE_INFINITY;
    for (const item of this.#items) {
      const deadline = item.packet.since + item.destination.life;
      if (now < deadline) {
        this.#deadline = Math.min(this.#deadline, deadline);
        continue;
      }
      this.#dropItem(item, 'held-expired');
      lost.add(item.destination.key);
    }
    return [...lost];
  }

  /** When to call `expire` next, or null while nothing is held. */
  nextDeadline(): Millis | null {
    return this.#items.size === 0 ? null : millis(this.#deadline);
  }

  #shrink(to: Destination, from: Source): void {
    const limits = this.#limits;
    while (to.items.size > limits.packetsPerDestination || to.bytes > limits.bytesPerDestination) {
      this.#dropOldest(to.items, 'held-destination-full');
    }
    while (from.bytes > limits.bytesPerSource) this.#dropOldest(from.items, 'held-source-full');
    while (this.#bytes > limits.bytesInAll) this.#dropOldest(this.#items, 'held-all-full');
  }

  #dropOldest(items: ReadonlySet<Item>, reason: HeldDrop): void {
    for (const oldest of items) {
      this.#dropItem(oldest, reason);
      return;
    }
  }

  #dropItem(item: Item, reason: string): void {
    this.#remove(item);
    this.#count(reason);
  }

  #add(item: Item): void {
    const { packet, source, destination } = item;
    const size = packet.bytes.length;
    this.#items.add(item);
    source.items.add(item);
    destination.items.add(item);
    source.destinations.set(destination, (source.destinations.get(destination) ?? 0) + 1);
    source.bytes += size;
    destination.bytes += size;
    this.#bytes += size;
    this.#deadline = Math.min(this.#deadline, packet.since + destination.life);
  }

  #remove(item: Item): void {
    const { packet, source, destination } = item;
    const size = packet.bytes.length;
    this.#items.delete(item);
    source.items.delete(item);
    destination.items.delete(item);
    source.bytes -= size;
    destination.bytes -= size;
    this.#bytes -= size;
    const left = (source.destinations.get(destination) ?? 1) - 1;
    if (left === 0) source.destinations.delete(destination);
    else source.destinations.set(destination, left);
    this.#forget(source, destination);
  }

  #forget(source: Source, destination: Destination): void {
    if (source.items.size === 0) this.#sources.delete(source.key);
    if (destination.items.size === 0) this.#destinations.delete(destination.key);
  }

  #source(key: AddressKey): Source {
    let source = this.#sources.get(key);
    if (source === undefined) {
      source = { key, items: new Set(), destinations: new Map(), bytes: 0 };
      this.#sources.set(key, source);
    }
    return source;
  }

  #destination(key: AddressKey): Destination {
    let destination = this.#destinations.get(key);
    if (destination === undefined) {
      destination = { key, items: new Set(), bytes: 0, life: this.#limits.life };
      this.#destinations.set(key, destination);
    }
    return destination;
  }

  #count(reason: string): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1);
  }
}
