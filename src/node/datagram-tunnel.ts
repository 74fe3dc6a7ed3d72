import { Backoff } from '../base/backoff.ts';
import { type Millis, millis } from '../base/brands.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { NAT_KIND, NAT_SIZE } from '../nat/constants.ts';
import { SERVER_BACKOFF } from './server-link/link.ts';

/*
 * A node's datagrams to one coordinator and its relay over TCP, where UDP is blocked (protocol.md 6.8). Sans-io: which of the
 * coordinator's TCP addresses is tried when, what is sent, and what came from whom.
 *
 *   off ──want──▶ waiting ──▶ connecting ──▶ up ──broken──▶ waiting …
 *    ▲                └──────────┴────────────┴──unwant──┐
 *    └───────────────────────────────────────────────────┘
 *
 * A message of the WebSocket is one datagram without addresses. What comes back is from where the last one of its kind went:
 * a coordinator has one address as good as another, and a relay is named by its channel.
 */

export type TunnelEffect =
  | { readonly kind: 'connect'; readonly address: string }
  /** the connection that was opened last, if there is one */
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  /** a datagram came, as if over UDP from there */
  | { readonly kind: 'datagram'; readonly bytes: Uint8Array; readonly from: PathAddress }
  /** Another connection: the coordinator sees the node at another address, so HELLO and BIND have to come again. */
  | { readonly kind: 'up'; readonly address: string }
  | { readonly kind: 'down'; readonly address: string; readonly why: string }
  | { readonly kind: 'counter'; readonly name: string };

/** What waits for a connection that is being made; then the oldest is lost, as on a link that is full. */
const QUEUE = 64;
/** Relay channels whose address is remembered. */
const CHANNELS = 4_096;
const OPENING_MS = 8_000;
/** The next address is tried after this time; after all of them, by the backoff. */
const NEXT_ADDRESS_MS = 250;
/** A connection that lasted so long was a good one. */
const GOOD_MS = 10_000;
const CHANNEL_AT = 4;

type State = 'off' | 'waiting' | 'connecting' | 'up';

/** The tunnel to one coordinator. Unwanted it costs nothing. */
export class DatagramTunnel {
  readonly #backoff: Backoff;
  #addresses: readonly string[];
  #state: State = 'off';
  #address = 0;
  #since: Millis = millis(0);
  #retryAt: Millis = millis(0);
  #queue: Uint8Array[] = [];
  #coordinator: PathAddress | undefined;
  readonly #relays = new Map<number, PathAddress>();
  #effects: TunnelEffect[] = [];

  /** `addresses`: "HOST:PORT", tried in turn. */
  constructor(addresses: readonly string[], random: (length: number) => Uint8Array) {
    this.#addresses = addresses;
    this.#backoff = new Backoff(SERVER_BACKOFF, random);
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isWanted(): boolean {
    return this.#state !== 'off';
  }

  takeEffects(): TunnelEffect[] {
    return this.#effects.splice(0);
  }

  /** The coordinator's TCP addresses are these now; an open connection stays. */
  setAddresses(addresses: readonly string[]): void {
    this.#addresses = addresses;
    this.#address = 0;
  }

  /** UDP does not get through: datagrams go this way from now on. */
  want(now: Millis): void {
    if (this.#state !== 'off') return;
    this.#state = 'waiting';
    this.#retryAt = now;
    this.#backoff.reset();
    this.tick(now);
  }

  /** UDP gets through again. */
  unwant(): void {
    if (this.#state === 'connecting' || this.#state === 'up') this.#effects.push({ kind: 'disconnect' });
    this.#state = 'off';
    this.#queue = [];
    this.#relays.clear();
  }

  /** A datagram for the coordinator, or for its relay. */
  send(bytes: Uint8Array, to: PathAddress): void {
    if (this.#state === 'off') return this.#count('tunnel-off');
    if (isForRelay(bytes)) this.#remember(channelOf(bytes), to);
    else this.#coordinator = to;
    if (this.#state === 'up') {
      this.#effects.push({ kind: 'send', bytes });
      return;
    }
    this.#queue.push(bytes.slice());
    if (this.#queue.length <= QUEUE) return;
    this.#queue.shift();
    this.#count('tunnel-queue-full');
  }

  handleOpened(now: Millis): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'up';
    this.#since = now;
    this.#effects.push({ kind: 'up', address: this.#addressInUse() });
    for (const bytes of this.#queue.splice(0)) this.#effects.push({ kind: 'send', bytes });
  }

  /** One message of the WebSocket. */
  handleMessage(bytes: Uint8Array): void {
    if (this.#state !== 'up') return;
    const from = this.#senderOf(bytes);
    if (from === undefined) return this.#count('tunnel-unasked');
    this.#effects.push({ kind: 'datagram', bytes, from });
  }

  /** The connection is gone, or was not to be made. */
  handleClosed(why: string, now: Millis): void {
    switch (this.#state) {
      case 'connecting':
      case 'up':
        return this.#fail(why, now);
      case 'off':
      case 'waiting':
        return;
      default:
        return unreachable(this.#state);
    }
  }

  nextDeadline(): Millis | undefined {
    if (this.#state === 'waiting') return this.#retryAt;
    return this.#state === 'connecting' ? millis(this.#since + OPENING_MS) : undefined;
  }

  tick(now: Millis): void {
    if (this.#state === 'connecting' && now - this.#since >= OPENING_MS) {
      this.#effects.push({ kind: 'disconnect' });
      this.#fail('no answer', now);
    }
    const address = this.#addressInUse();
    if (this.#state !== 'waiting' || now < this.#retryAt || address === '') return;
    this.#state = 'connecting';
    this.#since = now;
    this.#effects.push({ kind: 'connect', address });
  }

  #fail(why: string, now: Millis): void {
    const lasted = this.#state === 'up' && now - this.#since >= GOOD_MS;
    this.#effects.push({ kind: 'down', address: this.#addressInUse(), why });
    this.#state = 'waiting';
    if (lasted) this.#backoff.reset();
    else this.#address = (this.#address + 1) % Math.max(1, this.#addresses.length);
    const isRound = lasted || this.#address === 0;
    this.#retryAt = isRound ? this.#backoff.next(now) : millis(now + NEXT_ADDRESS_MS);
  }

  #addressInUse(): string {
    return this.#addresses[this.#address] ?? '';
  }

  #remember(channel: number, to: PathAddress): void {
    this.#relays.delete(channel);
    this.#relays.set(channel, to);
    const [oldest] = this.#relays.keys();
    if (this.#relays.size > CHANNELS && oldest !== undefined) this.#relays.delete(oldest);
  }

  #senderOf(bytes: Uint8Array): PathAddress | undefined {
    switch (bytes[0]) {
      case NAT_KIND.welcome:
      case NAT_KIND.helloCookie:
      case NAT_KIND.signal:
      case NAT_KIND.reflected:
        return this.#coordinator;
      case DATAGRAM.frame:
      case NAT_KIND.bindChallenge:
      case NAT_KIND.bindAck:
        return this.#relays.get(channelOf(bytes));
      default:
        return undefined;
    }
  }

  #count(name: string): void {
    this.#effects.push({ kind: 'counter', name });
  }
}

function isForRelay(bytes: Uint8Array): boolean {
  return bytes[0] === DATAGRAM.frame || bytes[0] === NAT_KIND.bind;
}

/** Frames and bindings have it at the same place; -1 for what is too short. */
function channelOf(bytes: Uint8Array): number {
  if (bytes.length < NAT_SIZE.frame) return -1;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(CHANNEL_AT);
}
