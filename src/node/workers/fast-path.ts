import type { Millis } from '../../base/brands.ts';
import { DATAGRAM } from '../../base/datagram-kinds.ts';
import { parseFlow } from '../../base/flow.ts';
import { FLOW, PROTOCOL } from '../../base/flow-words.ts';
import { DATA_OVERHEAD, MESSAGE, PACKET, RECORD_ROW, RUN, RUN_KIND } from '../../base/primitives.ts';
import { flowNumber, laneOf } from '../../base/steering.ts';
import type { FlowTally } from '../../pit/flow-tally.ts';
import { PitReader } from '../../pit/pit-reader.ts';
import { TCP_FLAG } from '../../pit/tcp-state.ts';
import { FITS_ALWAYS } from '../path-mtus.ts';
import { cameBy, SILENT_MS } from '../paths.ts';
import type { HandOver } from './hand-over.ts';
import type { SharedNode } from './shared-node.ts';

/** Of TCP, what changes a connection's state or has its MSS looked at is for the main thread. */
const TURNS = TCP_FLAG.syn | TCP_FLAG.fin | TCP_FLAG.rst;
/** Flows that have a common place among what was handed over. */
const BUCKETS = 1_024;
const PATH_SLOTS = 65_536;
/** So often (ms) the main thread sees a large packet of each path, to know whom to tell when the path shrinks (protocol.md 6.5). */
const LARGE_EVERY = 500;

/** What a worker did, by position in its shared Float64Array. */
export const WORKER_STATS = ['sent', 'received', 'handed', 'dropped'] as const;
export const STAT = { sent: 0, received: 1, handed: 2, dropped: 3 } as const;

/**
 * The two walks of a worker (docs/ARCHITECTURE.md): it decides about packets of open entries, and hands all others over. After a
 * packet of a flow was handed over, the next ones follow it until the main thread has dealt with it, and the ring is published
 * only after what was decided here has left: so none overtakes another of its flow.
 */
export class FastPath {
  readonly #node: SharedNode;
  readonly #pit: PitReader;
  readonly #tally: FlowTally;
  readonly #over: HandOver;
  readonly #stats: Float64Array;
  readonly #loops: number;
  #sendIndex: Int32Array;
  readonly #flow = new Int32Array(FLOW.stride);
  /** by bucket: the ring's mark after the last packet of these flows, and whether it counts */
  readonly #marks = new Int32Array(BUCKETS);
  readonly #behind = new Uint8Array(BUCKETS);
  readonly #largeAt = new Float64Array(PATH_SLOTS);

  /** loops: how many lanes this node has */
  constructor(node: SharedNode, loops: number, tally: FlowTally, over: HandOver, stats: Float64Array) {
    this.#node = node;
    this.#loops = loops;
    this.#pit = new PitReader(node.pit);
    this.#tally = tally;
    this.#over = over;
    this.#stats = stats;
    this.#sendIndex = node.sendIndex;
  }

  /** Fills `sa` of every row, 0 where the packet was handed over. */
  outgoing(arena: Uint8Array, view: DataView, packets: Int32Array, count: number, now: Millis): void {
    for (let at = 0; at < count * PACKET.stride; at += PACKET.stride) {
      const status = parseFlow(view, packets[at + PACKET.offset], packets[at + PACKET.length], this.#flow);
      const bucket = status === 0 ? this.#bucket() : -1;
      const sa = bucket >= 0 && this.#isPlain() && this.#mayPass(bucket) ? this.#sends(packets, at, now) : 0;
      packets[at + PACKET.sa] = sa;
      if (sa !== 0) this.#stats[STAT.sent] += packets[at + PACKET.segments];
      else this.#handed(this.#over.packet(arena, packets, at), bucket);
    }
  }

  /** Of received messages: keeps those of data for known SAs, in front, and hands all others over. Returns how many are kept. */
  messages(arena: Uint8Array, view: DataView, messages: Int32Array, count: number): number {
    let kept = 0;
    for (let at = 0; at < count * MESSAGE.stride; at += MESSAGE.stride) {
      if (!this.#isOwnData(arena, view, messages, at)) {
        this.#handed(this.#over.message(arena, messages, at), -1);
        continue;
      }
      const to = kept++ * MESSAGE.stride;
      if (to !== at) messages.copyWithin(to, at, at + MESSAGE.stride);
    }
    return kept;
  }

  /** Fills `verdict` of every run, 0 where it was handed over. */
  incoming(
    arena: Uint8Array,
    view: DataView,
    messages: Int32Array,
    records: Int32Array,
    runs: Int32Array,
    count: number,
    now: Millis,
  ): void {
    for (let at = 0; at < count * RUN.stride; at += RUN.stride) {
      const first = runs[at + RUN.firstRecord] * RECORD_ROW.stride;
      const isPackets = runs[at + RUN.kind] === RUN_KIND.packets;
      const bucket =
        isPackets &&
        parseFlow(view, records[first + RECORD_ROW.offset], records[first + RECORD_ROW.length], this.#flow) === 0
          ? this.#bucket()
          : -1;
      const last = first + (runs[at + RUN.count] - 1) * RECORD_ROW.stride;
      const passes =
        bucket >= 0 && this.#isPlain() && !this.#turnsAt(view, records, last) && this.#mayPass(bucket)
          ? this.#receives(messages, runs, at, now)
          : false;
      runs[at + RUN.verdict] = passes ? 1 : 0;
      if (passes) this.#stats[STAT.received] += runs[at + RUN.count];
      else this.#handed(this.#over.run(arena, messages, records, runs, at), bucket);
    }
  }

  /** The SA and lane for a packet of an open entry, or 0. */
  #sends(packets: Int32Array, at: number, now: Millis): number {
    const { pathOfSlot, lanesOfSlot, heard, unanswered, lastSent, lastData } = this.#node;
    const pit = this.#pit;
    const entry = pit.find(this.#flow);
    if (entry < 0 || !pit.isOut) return 0;
    const { owner, direction } = pit;
    const sa = this.#senderOf(owner);
    if (sa === 0) return 0;
    const slot = (sa >>> 3) & 0xffff;
    const path = pathOfSlot[slot];
    const length = packets[at + PACKET.length];
    if (length > FITS_ALWAYS && !this.#fits(packets, at, path, now)) return 0;
    if (heard[path] >= unanswered[path]) unanswered[path] = now;
    else if (now - unanswered[path] >= SILENT_MS) return 0;
    this.#tally.count(entry, direction, packets[at + PACKET.segments], length, now);
    lastSent[slot] = now;
    lastData[slot] = now;
    return sa + laneOf(this.#flow, this.#loops, lanesOfSlot[slot]);
  }

  #senderOf(owner: number): number {
    // it has grown since
    if (owner >= this.#sendIndex.length) this.#sendIndex = new Int32Array(this.#node.sendIndex.buffer);
    return this.#sendIndex[owner] ?? 0;
  }

  #fits(packets: Int32Array, at: number, path: number, now: Millis): boolean {
    const segment = packets[at + PACKET.gsoSize];
    const size = segment > 0 ? packets[at + PACKET.headerLength] + segment : packets[at + PACKET.length];
    if (size <= FITS_ALWAYS) return true;
    if (size > this.#node.mtu[path]) return false;
    this.#node.wantedAt[path] = now;
    if (now - this.#largeAt[path] < LARGE_EVERY) return true;
    this.#largeAt[path] = now;
    return false;
  }

  /** Whether a run of packets is delivered (protocol.md 4.3): an open entry of the SA's owner, on its way in, from where the peer is. */
  #receives(messages: Int32Array, runs: Int32Array, at: number, now: Millis): boolean {
    const { ownerOfSlot, unheard, pathOfSlot, pathWords, heard, lastReceived } = this.#node;
    const slot = (runs[at + RUN.sa] >>> 3) & 0xffff;
    const path = pathOfSlot[slot];
    if (unheard[slot] === 1) return false;
    const isNewest = runs[at + RUN.newest] === 1;
    if (isNewest && !cameBy(pathWords, path, messages, runs[at + RUN.message] * MESSAGE.stride)) return false;
    const pit = this.#pit;
    const entry = pit.find(this.#flow);
    if (entry < 0 || pit.isOut || pit.owner !== ownerOfSlot[slot]) return false;
    if (isNewest) heard[path] = now;
    lastReceived[slot] = now;
    this.#tally.count(entry, pit.direction, runs[at + RUN.count], runs[at + RUN.bytes], now);
    return true;
  }

  /** Frames, handshakes, and data for elements below this node are not looked at here. */
  #isOwnData(arena: Uint8Array, view: DataView, messages: Int32Array, at: number): boolean {
    const offset = messages[at + MESSAGE.offset];
    if (messages[at + MESSAGE.length] < DATA_OVERHEAD || arena[offset] !== DATAGRAM.data) return false;
    return this.#node.ownerOfSlot[(view.getUint32(offset + 4) >>> 3) & 0xffff] >= 0;
  }

  /** Neither a fragment nor an ICMP error, nor a turn of a TCP connection. */
  #isPlain(): boolean {
    return this.#flow[FLOW.flags] === 0 && (this.#flow[FLOW.tcpFlags] & TURNS) === 0;
  }

  #turnsAt(view: DataView, records: Int32Array, at: number): boolean {
    if ((this.#flow[FLOW.head] & 0xff) !== PROTOCOL.tcp) return false;
    const flags = this.#flow[FLOW.l4Offset] + 13;
    if (flags >= records[at + RECORD_ROW.length]) return true;
    return (view.getUint8(records[at + RECORD_ROW.offset] + flags) & TURNS) !== 0;
  }

  #bucket(): number {
    return flowNumber(this.#flow) & (BUCKETS - 1);
  }

  /** False while something of these flows waits in the ring. */
  #mayPass(bucket: number): boolean {
    if (this.#behind[bucket] === 0) return true;
    if (!this.#over.ring.isUsed(this.#marks[bucket])) return false;
    this.#behind[bucket] = 0;
    return true;
  }

  #handed(fitted: boolean, bucket: number): void {
    this.#stats[fitted ? STAT.handed : STAT.dropped] += 1;
    if (!fitted || bucket < 0) return;
    this.#marks[bucket] = this.#over.ring.mark;
    this.#behind[bucket] = 1;
  }
}
