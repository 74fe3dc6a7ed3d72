import type { Millis, NodeId } from '../../base/brands.ts';
import { formatPath, type PathAddress, parsePath } from '../../base/path-address.ts';
import { MESSAGE } from '../../base/primitives.ts';
import {
  RELAY_CURSOR,
  RELAY_DROPS,
  RELAY_NUMBER,
  RELAY_RUN,
  type RelayTable,
  type RelayWalk,
} from '../../base/relay-primitives.ts';
import { BindingDesk, type RelayDeps } from './binding-desk.ts';
import { Channels, wordsOf } from './channels.ts';
import { FairShares } from './fair-shares.ts';
import type { RelayRates } from './relay-limits.ts';

/** What a relay does with the world. */
export interface RelayOut {
  /** The packet path: of the addon, or its twin. */
  readonly walk: RelayWalk;
  /** Sends `count` runs (RELAY_RUN) from the arena to rows of `ends` (RELAY_END). */
  forward(arena: Uint8Array, runs: Int32Array, count: number, ends: Int32Array): void;
  answer(bytes: Uint8Array, to: PathAddress): void;
  count(name: string, by: number): void;
}

/** Runs that are handed on at once. */
const RUNS = 512;

/*
 * A relay (protocol.md 7). Sans-io: received messages, what the coordinator allows and the time go in.
 *
 *   20 frame ──► walk: channel ─► bound to this very source? ─► share ─► runs for the other end
 *   3c BIND ───► BindingDesk ─► challenge or BIND-ACK, and the handshake message that came before it
 *
 * A message is a GRO run of one sender, perhaps with frames of several channels in it. Neighbours of one channel go on as one
 * run. What a frame holds is never looked at but for its kind; a frame moves no binding. The walk stops at each BIND, so that
 * everything takes effect in the order in which it came, and at the first handshake message for an end that is about to bind.
 */
export class Relay {
  readonly #channels = new Channels();
  readonly #bindings: BindingDesk;
  readonly #shares: FairShares;
  readonly #out: RelayOut;
  readonly #runs = new Int32Array(RUNS * RELAY_RUN.stride);
  readonly #cursor = new Int32Array(RELAY_CURSOR.length);
  forwardedDatagrams = 0;
  forwardedBytes = 0;

  constructor(deps: RelayDeps, rates: RelayRates, out: RelayOut, now: Millis) {
    this.#bindings = new BindingDesk(deps, this.#channels, now);
    this.#shares = new FairShares(this.#table, rates, now);
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
    this.#take(arena, rows, count, now, false);
  }

  /** One datagram that came through a tunnel. */
  handleTunnelled(bytes: Uint8Array, from: PathAddress, now: Millis): void {
    this.#shares.turn(now, false);
    this.#take(bytes, rowOf(bytes.length, from), 1, now, true);
  }

  /** Call every second or so. */
  tick(now: Millis): void {
    this.#channels.tick(now);
  }

  get #table(): RelayTable {
    return this.#channels.table;
  }

  #take(arena: Uint8Array, rows: Int32Array, count: number, now: Millis, isTunnel: boolean): void {
    this.#table.numbers[RELAY_NUMBER.now] = now;
    const cursor = this.#cursor.fill(0);
    while (cursor[RELAY_CURSOR.message] < count) {
      const runs = this.#out.walk(this.#table, arena, rows, count, this.#runs, cursor);
      if (runs > 0) this.#out.forward(arena, this.#runs, runs, this.#table.ends);
      if (cursor[RELAY_CURSOR.stopLength] === 0) continue;
      if (cursor[RELAY_CURSOR.early] > 0) this.#keep(arena, now);
      else this.#bind(arena, rows, now, isTunnel);
    }
    this.#addNumbers();
  }

  /** The BIND that the cursor stands behind. */
  #bind(arena: Uint8Array, rows: Int32Array, now: Millis, isTunnel: boolean): void {
    const bytes = this.#stopped(arena);
    const source = pathOf(rows, this.#cursor[RELAY_CURSOR.message] * MESSAGE.stride);
    const outcome = this.#bindings.handleBind(bytes, source, now, isTunnel);
    if (outcome.counter !== undefined) this.#out.count(outcome.counter, 1);
    if (!('answer' in outcome)) return;
    this.#out.answer(outcome.answer, source);
    const early = outcome.end === undefined ? undefined : this.#channels.early.take(outcome.end, now);
    // where it was bound before, the frame has gone already
    if (early === undefined || outcome.isMoved !== true) return;
    this.#out.answer(early, source);
    this.#out.count('relay-early-sent', 1);
  }

  /** The first handshake message for an end that is about to be bound, or bound elsewhere. */
  #keep(arena: Uint8Array, now: Millis): void {
    const end = this.#cursor[RELAY_CURSOR.early] - 1;
    this.#channels.table.setEarly(end, false);
    if (this.#channels.early.keep(end, this.#stopped(arena), now)) this.#out.count('relay-early-kept', 1);
  }

  /** The datagram for which the walk stopped. */
  #stopped(arena: Uint8Array): Uint8Array {
    const from = this.#cursor[RELAY_CURSOR.stop];
    return arena.slice(from, from + this.#cursor[RELAY_CURSOR.stopLength]);
  }

  #addNumbers(): void {
    const { numbers } = this.#table;
    this.forwardedDatagrams += numbers[RELAY_NUMBER.datagrams];
    this.forwardedBytes += numbers[RELAY_NUMBER.bytes];
    for (let at = 0; at < RELAY_DROPS.length; at++) {
      const dropped = numbers[RELAY_NUMBER.drops + at];
      if (dropped > 0) this.#out.count(RELAY_DROPS[at], dropped);
    }
    numbers.fill(0, RELAY_NUMBER.datagrams);
  }
}

/** The row of a message that is one datagram. */
function rowOf(length: number, from: PathAddress): Int32Array {
  const rows = new Int32Array(MESSAGE.stride);
  const { family, address, port } = parsePath(from);
  rows[MESSAGE.length] = rows[MESSAGE.segment] = length;
  rows[MESSAGE.family] = family;
  rows[MESSAGE.port] = port;
  rows.set(wordsOf(address), MESSAGE.address);
  return rows;
}

/** Where a message came from. */
function pathOf(rows: Int32Array, at: number): PathAddress {
  const family = rows[at + MESSAGE.family] === 4 ? 4 : 6;
  const words = rows.slice(at + MESSAGE.address, at + MESSAGE.address + 4);
  return formatPath(family, new Uint8Array(words.buffer, 0, family === 4 ? 4 : 16), rows[at + MESSAGE.port]);
}
