import { DATAGRAM } from '../../base/datagram-kinds.ts';
import { type PathAddress, parsePath } from '../../base/path-address.ts';
import { MESSAGE } from '../../base/primitives.ts';
import { isRelayable } from '../../nat/relay-frame.ts';
import { isProbe } from '../element/probe-kind.ts';

const FRAME = 8;
const { stride } = MESSAGE;

/** Where frames of one channel come from: its relay, as a row of a MESSAGE table has it. */
interface Opening {
  readonly family: number;
  readonly words: Int32Array;
  readonly port: number;
  readonly relay: PathAddress;
  /** a channel of a GEN, by which probes come, too (protocol.md 8.4) */
  readonly isElements: boolean;
}

/**
 * Which relayed messages are taken (protocol.md N5): only from a relay and channel that this node bound itself, or
 * has just sent a BIND with a proof for. Works on rows
 * of messages before they are opened; a GRO run of one relay may hold datagrams of several channels and is cut there, so that
 * each row has one prefix.
 */
export class FrameGate {
  readonly #openings = new Map<number, Opening>();
  readonly #count: (name: string) => void;
  #bridge: Opening | undefined;
  #rows = new Int32Array(0);

  constructor(count: (name: string) => void) {
    this.#count = count;
  }

  /** Frames of this channel are taken from now on. */
  open(relay: PathAddress, channel: number, isElements = false): void {
    this.#openings.set(channel | 0, openingOf(relay, isElements));
  }

  /** Where frames come from that travelled through a tunnel: for each channel they stand for its relay's. */
  setBridge(bridge: PathAddress | undefined): void {
    this.#bridge = bridge === undefined ? undefined : openingOf(bridge);
  }

  /** The relay of an open channel. */
  relayOf(channel: number): PathAddress | undefined {
    return this.#openings.get(channel | 0)?.relay;
  }

  /** At another relay, or by another address of this one, the channel may be open on. */
  close(relay: PathAddress, channel: number): void {
    if (this.relayOf(channel) === relay) this.#openings.delete(channel | 0);
  }

  /**
   * Fills `prefix` and `channel` of framed messages, cuts runs of several channels, and takes out what is not for this node.
   * Returns the new number of rows; what does not fit the table is dropped.
   */
  pass(arena: Uint8Array, messages: Int32Array, count: number): number {
    for (let row = 0; row < count; row++)
      if (arena[messages[row * stride + MESSAGE.offset]] === DATAGRAM.frame) return this.#sort(arena, messages, count);
    return count;
  }

  #sort(arena: Uint8Array, messages: Int32Array, count: number): number {
    this.#rows = messages.slice(0, count * stride);
    const view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    let out = 0;
    for (let row = 0; row < count; row++) {
      const from = this.#rows.subarray(row * stride, (row + 1) * stride);
      if (arena[from[MESSAGE.offset]] !== DATAGRAM.frame) out = this.#write(messages, out, from);
      else out = this.#frames(view, messages, out, from);
    }
    return out;
  }

  /** The datagrams of one message, one row for each stretch of one channel. */
  #frames(view: DataView, messages: Int32Array, first: number, from: Int32Array): number {
    const [start, end] = [from[MESSAGE.offset], from[MESSAGE.offset] + from[MESSAGE.length]];
    const step = from[MESSAGE.segment] > 0 ? from[MESSAGE.segment] : end - start;
    let out = first;
    for (let at = start; at < end; ) {
      const channel = channelAt(view, at, Math.min(step, end - at));
      let stop = at + step;
      while (stop < end && channelAt(view, stop, Math.min(step, end - stop)) === channel) stop += step;
      const isOurs = channel !== 0 && this.#takes(channel, view.getUint8(at + FRAME));
      const opening = isOurs ? this.#opening(channel, from) : undefined;
      if (opening) {
        const before = out;
        out = this.#write(messages, out, from);
        if (out > before) {
          cut(messages, before * stride, at, Math.min(stop, end) - at, step, channel);
          nameSource(messages, before * stride, opening);
        }
      } else this.#count(isOurs ? 'frame-unbound' : 'frame-bad');
      at = stop;
    }
    return out;
  }

  /** Probes come by the channels of a GEN alone. */
  #takes(channel: number, kind: number): boolean {
    return !isProbe(kind) || this.#openings.get(channel)?.isElements === true;
  }

  #opening(channel: number, from: Int32Array): Opening | undefined {
    const opening = this.#openings.get(channel);
    if (opening === undefined || isFrom(opening, from)) return opening;
    return this.#bridge && isFrom(this.#bridge, from) ? opening : undefined;
  }

  #write(messages: Int32Array, row: number, from: Int32Array): number {
    if ((row + 1) * stride > messages.length) {
      this.#count('frame-no-room');
      return row;
    }
    messages.set(from, row * stride);
    return row + 1;
  }
}

function openingOf(relay: PathAddress, isElements = false): Opening {
  const { family, address, port } = parsePath(relay);
  const words = new Int32Array(4);
  new Uint8Array(words.buffer).set(address);
  return { family, words, port, relay, isElements };
}

function isFrom({ family, words, port }: Opening, from: Int32Array): boolean {
  if (family !== from[MESSAGE.family] || port !== from[MESSAGE.port]) return false;
  return words.every((word, at) => word === from[MESSAGE.address + at]);
}

function nameSource(messages: Int32Array, row: number, { family, words, port }: Opening): void {
  messages[row + MESSAGE.family] = family;
  messages.set(words, row + MESSAGE.address);
  messages[row + MESSAGE.port] = port;
}

/** The channel of the frame at `at`, as a signed word; 0 for what is no frame that a relay forwards. */
function channelAt(view: DataView, at: number, length: number): number {
  if (length <= FRAME || view.getUint32(at) !== DATAGRAM.frame << 24) return 0;
  const kind = view.getUint8(at + FRAME);
  return isRelayable(kind) || isProbe(kind) ? view.getInt32(at + 4) : 0;
}

function cut(
  messages: Int32Array,
  row: number,
  offset: number,
  length: number,
  segment: number,
  channel: number,
): void {
  messages[row + MESSAGE.offset] = offset;
  messages[row + MESSAGE.length] = length;
  messages[row + MESSAGE.segment] = Math.min(segment, length);
  messages[row + MESSAGE.prefix] = FRAME;
  messages[row + MESSAGE.channel] = channel;
}
