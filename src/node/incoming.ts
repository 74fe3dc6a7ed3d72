import { type Millis, saIndex } from '../base/brands.ts';
import { DATAGRAM, RECORD } from '../base/datagram-kinds.ts';
import { parseFlow } from '../base/flow.ts';
import { FLOW, FLOW_FLAG, PROTOCOL } from '../base/flow-words.ts';
import type { PathAddress } from '../base/path-address.ts';
import { MESSAGE, PARTIAL_CHECKSUM_FLAG, RECORD_ROW, RUN, RUN_KIND } from '../base/primitives.ts';
import type { Sa } from '../pccom/sa.ts';
import { PIT_ACTION } from '../pit/terms.ts';
import type { ControlRecords } from './control-records.ts';
import type { Elements } from './element/elements.ts';
import { icmpErrorName } from './icmp-errors.ts';
import type { Negotiating } from './negotiating.ts';
import type { NodeState } from './node-state.ts';
import { Oversize, SYN } from './oversize.ts';
import { passFragment } from './pass-fragment.ts';
import { knownPath, sourceOf } from './path-cache.ts';
import type { Reach } from './reach/reach.ts';
import type { SaKeeper } from './sa-keeper.ts';

/**
 * The way in (protocol.md 4.3): the primitives have opened every datagram and grouped equal flows into runs; here each run
 * gets one decision by its PIT entry, control goes to whom it concerns, and a peer's new address is noticed.
 */
export class Incoming {
  readonly #node: NodeState;
  readonly #control: ControlRecords;
  readonly #negotiating: Negotiating;
  readonly #keeper: SaKeeper;
  readonly #oversize: Oversize;
  readonly #reach: Reach;
  readonly #elements: Elements;

  constructor(
    node: NodeState,
    control: ControlRecords,
    negotiating: Negotiating,
    keeper: SaKeeper,
    reach: Reach,
    elements: Elements,
  ) {
    this.#node = node;
    this.#reach = reach;
    this.#elements = elements;
    this.#control = control;
    this.#negotiating = negotiating;
    this.#keeper = keeper;
    this.#oversize = new Oversize(node);
  }

  /** Fills `verdict` of every run. */
  handleBatch(
    arena: Uint8Array,
    view: DataView,
    messages: Int32Array,
    records: Int32Array,
    runs: Int32Array,
    count: number,
    now: Millis,
  ): void {
    for (let row = 0; row < count; row++) {
      const at = row * RUN.stride;
      const record = runs[at + RUN.firstRecord] * RECORD_ROW.stride;
      const message = runs[at + RUN.message] * MESSAGE.stride;
      if (runs[at + RUN.kind] === RUN_KIND.raw) this.#raw(arena, messages, message, records, record, now);
      else if (this.#authentic(messages, message, runs, at, asksForSigns(arena, records, record, runs, at), now))
        runs[at + RUN.verdict] = this.#opened(arena, view, messages, records, record, runs, at, now);
    }
  }

  /** Notes that an SA was heard; false when it was closed in this very batch. */
  #authentic(
    messages: Int32Array,
    message: number,
    runs: Int32Array,
    at: number,
    isContent: boolean,
    now: Millis,
  ): boolean {
    const { sas, paths } = this.#node;
    const index = runs[at + RUN.sa];
    const slot = (index >>> 3) & 0xffff;
    if (sas.ownerOfSlot[slot] < 0) return false;
    (isContent ? sas.lastReceived : sas.lastEmptyReceived)[slot] = now;
    if (sas.unheard[slot] === 1) this.#firstHeard(index, now);
    if (runs[at + RUN.newest] === 1 && !paths.hears(this.#keeper.pathOfSlot[slot], messages, message, now))
      this.#newSource(index, sourceOf(messages, message), now);
    return true;
  }

  /** 1 delivers the run to TUN, 0 does not. */
  #opened(
    arena: Uint8Array,
    view: DataView,
    messages: Int32Array,
    records: Int32Array,
    record: number,
    runs: Int32Array,
    at: number,
    now: Millis,
  ): number {
    const kind = runs[at + RUN.kind];
    if (kind === RUN_KIND.empty) return 0;
    const offset = records[record + RECORD_ROW.offset];
    const length = records[record + RECORD_ROW.length];
    if (kind === RUN_KIND.control) {
      const sa = this.#sa(runs[at + RUN.sa]);
      const from = sourceOf(messages, runs[at + RUN.message] * MESSAGE.stride);
      if (sa) this.#control.handleRecord(arena.slice(offset, offset + length), sa, from, now);
      return 0;
    }
    const { flow } = this.#node;
    const status = parseFlow(view, offset, length, flow);
    if (status !== 0) {
      this.#node.countStatus(status, view, offset, length, now);
      return 0;
    }
    if ((flow[FLOW.flags] & FLOW_FLAG.fragment) !== 0)
      return this.#fragment(arena.subarray(offset, offset + length), runs, at, now);
    const slot = this.#keeper.pathOfSlot[(runs[at + RUN.sa] >>> 3) & 0xffff];
    if ((flow[FLOW.tcpFlags] & SYN) !== 0)
      this.#oversize.clampIn(view, offset, records[record + RECORD_ROW.flags] === PARTIAL_CHECKSUM_FLAG, slot, now);
    const count = runs[at + RUN.count];
    if (count > 1 && (flow[FLOW.head] & 0xff) === PROTOCOL.tcp)
      flow[FLOW.tcpFlags] |= lastTcpFlags(view, records, record + (count - 1) * RECORD_ROW.stride, flow[FLOW.l4Offset]);
    const isError = (flow[FLOW.flags] & FLOW_FLAG.icmpError) !== 0;
    return this.#byEntry(runs, at, isError ? view.getUint8(offset + flow[FLOW.l4Offset]) : 0, now);
  }

  /**
   * P1: an entry of the SA's peer and group, and a destination of this node, so that the source is the peer's. The chain
   * may be another one while a flow moves from one SA to the next (protocol.md 10.2).
   */
  #byEntry(runs: Int32Array, at: number, icmpType: number, now: Millis): number {
    const { pit, sas, flow, directory, owners } = this.#node;
    const index = runs[at + RUN.sa];
    const found = pit.find(flow);
    const entry = found >> 1;
    if (found < 0 || !owners.sameMember(pit.entries.owner(entry), sas.ownerOfSlot[(index >>> 3) & 0xffff])) {
      const sa = this.#sa(index);
      if (sa) this.#control.noEntry(sa, now);
      return 0;
    }
    const icmpError = (flow[FLOW.flags] & FLOW_FLAG.icmpError) !== 0;
    if (!directory.isOwn(flow, icmpError ? FLOW.outerDestination : FLOW.destination)) {
      this.#node.incident('foreign-destination', now);
      return 0;
    }
    if (pit.entries.action(entry) !== PIT_ACTION.encrypt || (icmpError && !pit.entries.isConfirmed(entry))) {
      this.#node.incident('entry-forbids', now);
      return 0;
    }
    if (icmpError) this.#node.incident(icmpErrorName(flow, icmpType), now);
    pit.count(found, runs[at + RUN.count], runs[at + RUN.bytes], flow[FLOW.tcpFlags], now);
    return 1;
  }

  #fragment(bytes: Uint8Array, runs: Int32Array, at: number, now: Millis): number {
    const { fragments, flow, owners, sas, effects } = this.#node;
    const peer = owners.peerOf(sas.ownerOfSlot[(runs[at + RUN.sa] >>> 3) & 0xffff]);
    if (!passFragment(this.#node, () => bytes.slice(), peer, now)) return 0;
    const delivered = this.#byEntry(runs, at, 0, now);
    if (delivered === 1 && (flow[FLOW.flags] & FLOW_FLAG.firstFragment) !== 0)
      for (const packet of fragments.release(flow, peer)) effects.push({ kind: 'deliver', packet });
    return delivered;
  }

  #raw(
    arena: Uint8Array,
    messages: Int32Array,
    message: number,
    records: Int32Array,
    record: number,
    now: Millis,
  ): void {
    const offset = records[record + RECORD_ROW.offset];
    const bytes = arena.slice(offset, offset + records[record + RECORD_ROW.length]);
    const from = sourceOf(messages, message);
    if (this.#elements.handleDatagram(bytes, from, now)) return;
    if (bytes[0] >= DATAGRAM.dde && bytes[0] <= DATAGRAM.nogroup) {
      if (!this.#node.paths.allows(from)) return this.#node.counters.add('source-forbidden');
      return this.#negotiating.handleDatagram(bytes, from, now);
    }
    // nothing else comes through a relay (protocol.md 1.2), and through a GEN only what the frame gate lets pass
    const endpoint = this.#elements.endpointOf(from);
    const isStraight = knownPath(endpoint).channel === 0;
    if (!isStraight || !this.#reach.handleDatagram(bytes, endpoint, now)) this.#node.counters.add('unknown-kind');
  }

  #firstHeard(index: number, now: Millis): void {
    const sa = this.#sa(index);
    if (!sa) return;
    this.#negotiating.handleFirstData(sa, now);
    this.#keeper.heard(sa, now);
  }

  #newSource(index: number, source: PathAddress, now: Millis): void {
    const sa = this.#sa(index);
    if (!this.#node.paths.allows(source)) return this.#node.counters.add('source-forbidden');
    if (sa) this.#control.newSource(sa, source, now);
  }

  #sa(index: number): Sa | undefined {
    return this.#node.sas.byIndex(saIndex(index));
  }
}

/** Empty datagrams, challenges and their answers ask for no sign of life and keep no SA young (protocol.md 3.4). */
function asksForSigns(arena: Uint8Array, records: Int32Array, record: number, runs: Int32Array, at: number): boolean {
  const kind = runs[at + RUN.kind];
  if (kind !== RUN_KIND.control) return kind !== RUN_KIND.empty;
  const first = arena[records[record + RECORD_ROW.offset]];
  return first !== RECORD.pathChallenge && first !== RECORD.pathResponse;
}

/** A run ends with FIN or RST where it has one; all its records have equal headers up to TCP. */
function lastTcpFlags(view: DataView, records: Int32Array, at: number, l4Offset: number): number {
  const flags = l4Offset + 13;
  return flags < records[at + RECORD_ROW.length] ? view.getUint8(records[at + RECORD_ROW.offset] + flags) : 0;
}
