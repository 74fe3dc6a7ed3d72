import type { Millis, NodeId } from '../../base/brands.ts';
import { DATAGRAM } from '../../base/datagram-kinds.ts';
import { formatPath, type PathAddress } from '../../base/path-address.ts';
import { MESSAGE } from '../../base/primitives.ts';
import { NAT_KIND, NAT_SIZE } from '../../nat/constants.ts';
import { isRelayable } from '../../nat/relay-frame.ts';
import { BindingDesk, type RelayDeps } from './binding-desk.ts';
import { type Channel, type ChannelEnd, Channels, isFrom } from './channels.ts';
import { FairShares } from './fair-shares.ts';
import type { RelayRates } from './relay-limits.ts';

/** What a relay does with the world. */
export interface RelayOut {
  /** Sends equal datagrams of `segment` bytes, the last may be shorter, from the arena to the end. */
  forward(arena: Uint8Array, offset: number, length: number, segment: number, to: ChannelEnd): void;
  answer(bytes: Uint8Array, to: PathAddress): void;
  count(name: string, by: number): void;
}

/** One received message while it is read. */
interface Message {
  readonly arena: Uint8Array;
  readonly rows: Int32Array;
  /** where its row begins */
  readonly at: number;
  readonly now: Millis;
}

/*
 * A relay (protocol.md 7). Sans-io: received messages, what the coordinator allows and the time go in.
 *
 *   3c BIND ───► BindingDesk ─► challenge or BIND-ACK
 *   20 frame ──► channel ─► bound to this very source? ─► share ─► the other end
 *
 * A message is a GRO run of one sender, perhaps with frames of several channels in it. Neighbours of one channel go on as one
 * run. What a frame holds is never looked at but for its kind; a frame moves no binding.
 */
export class Relay {
  readonly #channels = new Channels();
  readonly #bindings: BindingDesk;
  readonly #shares: FairShares;
  readonly #out: RelayOut;
  forwardedDatagrams = 0;
  forwardedBytes = 0;

  constructor(deps: RelayDeps, rates: RelayRates, out: RelayOut, now: Millis) {
    this.#bindings = new BindingDesk(deps, this.#channels, now);
    this.#shares = new FairShares(rates, now);
    this.#out = out;
  }

  get channels(): number {
    return this.#channels.size;
  }

  /** The coordinator brought these two together. */
  allow(channel: number, nodes: readonly [NodeId, NodeId], now: Millis): void {
    if (!this.#channels.allow(channel, nodes, now)) this.#out.count('relay-channels-full', 1);
  }

  /** The node was taken out of the network. */
  handleRemoved(node: NodeId): void {
    this.#channels.remove(node);
  }

  /** `count` rows of `rows` (MESSAGE in base/primitives.ts), over `arena`. `isBehind`: more is waiting already. */
  handleMessages(arena: Uint8Array, rows: Int32Array, count: number, isBehind: boolean, now: Millis): void {
    this.#shares.turn(now, isBehind);
    for (let row = 0; row < count; row++) this.#message({ arena, rows, at: row * MESSAGE.stride, now });
  }

  /** Call every second or so. */
  tick(now: Millis): void {
    this.#channels.tick(now);
  }

  #message(message: Message): void {
    const { arena, rows, at } = message;
    const offset = rows[at + MESSAGE.offset];
    const end = offset + rows[at + MESSAGE.length];
    const segment = rows[at + MESSAGE.segment];
    if (segment <= 0) return;
    let from = offset;
    while (from < end) {
      const channel = channelAt(arena, from, Math.min(from + segment, end));
      let to = from + segment;
      while (to < end && channel > 0 && channelAt(arena, to, Math.min(to + segment, end)) === channel) to += segment;
      const until = Math.min(to, end);
      if (channel > 0) this.#frames(message, channel, from, until);
      else this.#other(message, from, until);
      from = until;
    }
  }

  /** Frames of one channel, one after the other. */
  #frames(message: Message, number: number, from: number, until: number): void {
    const { arena, rows, at, now } = message;
    const segment = rows[at + MESSAGE.segment];
    const datagrams = Math.ceil((until - from) / segment);
    const channel = this.#channels.get(number);
    const sender = channel && senderOf(channel, rows, at);
    if (!channel || !sender) return this.#out.count('relay-unbound', datagrams);
    sender.heardAt = now;
    const to = channel.ends[0] === sender ? channel.ends[1] : channel.ends[0];
    if (!to) return this.#out.count('relay-peer-unbound', datagrams);
    if (to.path === sender.path) return this.#out.count('relay-to-itself', datagrams);
    const refusal = this.#shares.take(sender.share, until - from);
    if (refusal !== undefined) return this.#out.count(refusal, datagrams);
    this.forwardedDatagrams += datagrams;
    this.forwardedBytes += until - from;
    this.#out.forward(arena, from, until - from, segment, to);
  }

  /** One datagram that is no frame to be forwarded. */
  #other({ arena, rows, at, now }: Message, from: number, until: number): void {
    const kind = arena[from];
    if (kind === DATAGRAM.frame) return this.#out.count('relay-frame', 1);
    if (kind !== NAT_KIND.bind) return this.#out.count('relay-kind', 1);
    const source = pathOf(rows, at);
    const outcome = this.#bindings.handleBind(arena.slice(from, until), source, now);
    if (outcome.counter !== undefined) this.#out.count(outcome.counter, 1);
    if ('answer' in outcome) this.#out.answer(outcome.answer, source);
  }
}

/** The channel of the frame that lies here, if a relay forwards such a one (protocol.md N4); else 0. As `decodeFrame`, without objects. */
function channelAt(arena: Uint8Array, from: number, until: number): number {
  if (until - from <= NAT_SIZE.frame || arena[from] !== DATAGRAM.frame) return 0;
  if ((arena[from + 1] | arena[from + 2] | arena[from + 3]) !== 0) return 0;
  if (!isRelayable(arena[from + NAT_SIZE.frame])) return 0;
  const low = (arena[from + 5] << 16) | (arena[from + 6] << 8) | arena[from + 7];
  return arena[from + 4] * 2 ** 24 + low;
}

function senderOf({ ends: [a, b] }: Channel, rows: Int32Array, at: number): ChannelEnd | undefined {
  if (a && isFrom(a, rows, at)) return a;
  return b && isFrom(b, rows, at) ? b : undefined;
}

/** Where a message came from. */
function pathOf(rows: Int32Array, at: number): PathAddress {
  const family = rows[at + MESSAGE.family] === 4 ? 4 : 6;
  const words = rows.slice(at + MESSAGE.address, at + MESSAGE.address + 4);
  return formatPath(family, new Uint8Array(words.buffer, 0, family === 4 ? 4 : 16), rows[at + MESSAGE.port]);
}
