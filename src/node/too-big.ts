import { type Millis, millis, type SaIndex, saIndex } from '../base/brands.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import { relayPath } from '../base/path-address.ts';
import { DATA_HEADER, SA_STATS } from '../base/primitives.ts';
import { NAT_SIZE, TOO_BIG_AGE_MS } from '../nat/constants.ts';
import type { QuotedTooBig } from '../nat/icmp-too-big.ts';
import { headerCounterHigh, headerCounterLow, headerIndex } from '../pccom/data-header.ts';
import type { Sa } from '../pccom/sa.ts';
import type { NodeState } from './node-state.ts';

/** How often it is noted how much every SA has sent, in milliseconds. */
const NOTE_EVERY = 1_000;

interface Note {
  readonly at: Millis;
  /** the next counter at that time */
  readonly next: number;
}

/** ICMP too-big from outside: a hint that makes a probe leave now, when it quotes what this node sent lately (protocol.md 6.5, N6). */
export class TooBigHints {
  readonly #node: NodeState;
  readonly #notes = new Map<SaIndex, Note[]>();
  readonly #stats = new Float64Array(SA_STATS.length);
  #notedAt = Number.NEGATIVE_INFINITY;

  constructor(node: NodeState) {
    this.#node = node;
  }

  /** True when a probe leaves with the next tick. */
  handle({ mtu, to, payload }: QuotedTooBig, now: Millis): boolean {
    const isFramed = payload[0] === DATAGRAM.frame && payload.length >= NAT_SIZE.frame;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const path = isFramed ? relayPath(to, view.getUint32(4)) : to;
    const at = isFramed ? NAT_SIZE.frame : 0;
    const isWhole = payload.length >= at + DATA_HEADER && payload[at] === DATAGRAM.data;
    const counter = () => headerCounterHigh(view, at) * 2 ** 32 + headerCounterLow(view, at);
    const believed = isWhole && this.#believes(headerIndex(view, at), counter(), path, mtu, now);
    this.#node.counters.add(believed ? 'too-big-heard' : 'too-big-ignored');
    return believed;
  }

  /** Notes what was sent, so that a quoted counter tells when it left. */
  tick(now: Millis): void {
    if (now - this.#notedAt < NOTE_EVERY) return;
    this.#notedAt = now;
    const { sas } = this.#node;
    for (const local of this.#notes.keys()) if (!sas.byIndex(local)) this.#notes.delete(local);
    for (const sa of sas.sas()) {
      if (!sas.isSender(sa)) continue;
      const notes = this.#notes.get(sa.local) ?? [];
      this.#notes.set(sa.local, notes);
      notes.push({ at: now, next: this.#nextCounter(sa) });
      while (notes.length > TOO_BIG_AGE_MS / NOTE_EVERY + 1) notes.shift();
    }
  }

  #believes(index: number, counter: number, path: string, mtu: number, now: Millis): boolean {
    const { sas, paths, mtus } = this.#node;
    const sa = [...sas.sas()].find((each) => each.remote === saIndex(index) && each.sendSince !== undefined);
    if (!sa) return false;
    const { current, slot } = paths.peer(sa.peer);
    if (current !== path) return false;
    return mtus.handleTooBig(slot, { mtu, liveIndex: true, sentAt: this.#sentAt(sa, counter, now) }, now);
  }

  /** When it left, or earlier by a second at most; undefined when it never did, or too long ago to be known. */
  #sentAt(sa: Sa, counter: number, now: Millis): Millis | undefined {
    if (counter >= this.#nextCounter(sa)) return undefined;
    const notes = this.#notes.get(sa.local) ?? [];
    const before = notes.findLast(({ next }) => next <= counter);
    if (before) return before.at;
    // from before the first note: that is known only of an SA as young as its notes
    const since = sa.sendSince ?? now;
    return now - since < TOO_BIG_AGE_MS ? millis(since) : undefined;
  }

  #nextCounter(sa: Sa): number {
    return this.#node.primitives.saStats(sa.local, this.#stats) ? this.#stats[SA_STATS.txPackets] : 0;
  }
}
