import { type Millis, millis } from '../base/brands.ts';
import { FLOW, FLOW_FLAG } from '../base/flow-words.ts';
import { RangeList } from './range-list.ts';

/** Tuning of protocol.md 15. */
export const FRAGMENT_LIMITS = { life: 5000, datagramsPerPeer: 1024, waitingPerPeer: 64 } as const;
export type FragmentLimits = { readonly [K in keyof typeof FRAGMENT_LIMITS]: number };

/** Why a fragment is dropped; the names are counters' names. */
export type FragmentFault = 'fragment-overlap' | 'fragment-waiting-full';

/** A datagram of which not all fragments have come. */
interface Datagram {
  readonly key: string;
  /** CID words that only the first fragment holds */
  head: number;
  ports: number;
  firstSeen: boolean;
  /** an overlap was seen: nothing of this datagram passes any more */
  refused: boolean;
  readonly ranges: RangeList;
  readonly until: Millis;
  waiting: Uint8Array[];
}

interface Peer {
  /** insertion order is age */
  readonly datagrams: Map<string, Datagram>;
  waiting: number;
}

/**
 * Gives later fragments the CID of their datagram's first one (protocol.md 5.1), for each peer apart (a number; 0: this node's TUN).
 * Nothing is put together: fragments pass one by one as they came. Overlapping ones end their datagram (protocol.md P3).
 */
export class Fragments {
  readonly #limits: FragmentLimits;
  readonly #peers = new Map<number, Peer>();

  constructor(limits: FragmentLimits = FRAGMENT_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Takes the FLOW words of a fragment. 'pass': its CID words are complete now, and after a first fragment `release` gives what
   * waited for it. 'wait': the first one has not come; `hold` keeps a copy. Else it is to be dropped.
   */
  handle(flow: Int32Array, peer: number, now: Millis): 'pass' | 'wait' | FragmentFault {
    const datagram = this.#datagram(flow, peer, now);
    const last = (flow[FLOW.flags] & FLOW_FLAG.moreFragments) === 0;
    if (datagram.refused || !datagram.ranges.add(flow[FLOW.fragmentOffset], flow[FLOW.fragmentEnd], last)) {
      this.#refuse(datagram, peer);
      return 'fragment-overlap';
    }
    if ((flow[FLOW.flags] & FLOW_FLAG.firstFragment) !== 0) {
      datagram.head = flow[FLOW.head];
      datagram.ports = flow[FLOW.ports];
      datagram.firstSeen = true;
    }
    if (!datagram.firstSeen) return 'wait';
    flow[FLOW.head] = datagram.head;
    flow[FLOW.ports] = datagram.ports;
    if (datagram.ranges.isComplete() && datagram.waiting.length === 0)
      this.#peers.get(peer)?.datagrams.delete(datagram.key);
    return 'pass';
  }

  /** Keeps a fragment for which `handle` said 'wait'. The bytes are the caller's copy. */
  hold(flow: Int32Array, peer: number, bytes: Uint8Array): 'held' | FragmentFault {
    const owner = this.#peers.get(peer);
    const datagram = owner?.datagrams.get(keyOf(flow));
    if (owner === undefined || datagram === undefined) return 'fragment-overlap';
    if (owner.waiting >= this.#limits.waitingPerPeer) return 'fragment-waiting-full';
    owner.waiting++;
    datagram.waiting.push(bytes);
    return 'held';
  }

  /** After a first fragment passed: the fragments that waited for it, in the order they came: their CID and decision are the first one's. */
  release(flow: Int32Array, peer: number): Uint8Array[] {
    const owner = this.#peers.get(peer);
    const datagram = owner?.datagrams.get(keyOf(flow));
    if (owner === undefined || datagram === undefined) return [];
    const { waiting } = datagram;
    this.#dropWaiting(datagram, owner);
    if (datagram.ranges.isComplete()) owner.datagrams.delete(datagram.key);
    return waiting;
  }

  /** Forgets what is too old; a datagram that is asked for after its time is new even without this. */
  expire(now: Millis): void {
    for (const [peer, owner] of this.#peers) {
      for (const datagram of owner.datagrams.values()) {
        if (now < datagram.until) break;
        this.#remove(datagram, owner);
      }
      if (owner.datagrams.size === 0) this.#peers.delete(peer);
    }
  }

  #datagram(flow: Int32Array, peer: number, now: Millis): Datagram {
    const owner = this.#peer(peer);
    const key = keyOf(flow);
    const known = owner.datagrams.get(key);
    if (known !== undefined && now < known.until) return known;
    if (known !== undefined) this.#remove(known, owner);
    for (const oldest of owner.datagrams.values()) {
      if (owner.datagrams.size < this.#limits.datagramsPerPeer) break;
      this.#remove(oldest, owner);
    }
    const datagram: Datagram = {
      key,
      head: 0,
      ports: 0,
      firstSeen: false,
      refused: false,
      ranges: new RangeList(),
      until: millis(now + this.#limits.life),
      waiting: [],
    };
    owner.datagrams.set(key, datagram);
    return datagram;
  }

  #peer(number: number): Peer {
    let peer = this.#peers.get(number);
    if (peer === undefined) {
      peer = { datagrams: new Map(), waiting: 0 };
      this.#peers.set(number, peer);
    }
    return peer;
  }

  #refuse(datagram: Datagram, peer: number): void {
    datagram.refused = true;
    this.#dropWaiting(datagram, this.#peer(peer));
  }

  #remove(datagram: Datagram, owner: Peer): void {
    this.#dropWaiting(datagram, owner);
    owner.datagrams.delete(datagram.key);
  }

  #dropWaiting(datagram: Datagram, owner: Peer): void {
    owner.waiting -= datagram.waiting.length;
    datagram.waiting = [];
  }
}

/** Fragments are rare, so a built string may be the key. IPv6 ids do not depend on the protocol (RFC 8200). */
function keyOf(flow: Int32Array): string {
  const head = flow[FLOW.head];
  const addresses = flow.subarray(FLOW.source, FLOW.ports).join();
  return `${head >>> 8 === 6 ? 6 : head},${addresses},${flow[FLOW.fragmentId]}`;
}
