import {
  decodeRelayOrder,
  encodeRelayMessage,
  MAX_RELAY_MESSAGE,
  type RelayMessage,
  type RelayOrder,
} from '../../api/channel/relay-message.ts';
import { Backoff } from '../../base/backoff.ts';
import { type Millis, millis } from '../../base/brands.ts';
import { fromHex } from '../../base/bytes.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { freshKeyPair } from '../../crypto/fresh-key-pair.ts';
import type { RecordChannel } from '../../crypto/noise-channel-records.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { RelayHandshake } from '../../crypto/relay-link.ts';
import { decodeReply, encodeOpening } from './link-frame.ts';

/*
 * The relay's side of its link to one server (protocol.md 7.1), over its whole life. Sans-io; the shell opens and closes
 * what it is told to.
 *
 *   waiting ──connect──► connecting ──opened: opening──► handshake ──reply: hello──► open ──broken──► waiting …
 */

export type EndEffect =
  | { readonly kind: 'connect' }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  | { readonly kind: 'order'; readonly order: Exclude<RelayOrder, { type: 'pong' }> }
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly why: string };

export interface RelayEndDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** of the relay: 16 hex digits, and the key of its link */
  readonly id: string;
  readonly psk: Uint8Array;
  readonly release: string;
  endpoints(): readonly PathAddress[];
}

/** How long a link may take to be made, how often something is said, and when a silent server is given up. */
const OPENING_MS = 5_000;
const PING_MS = 1_000;
const SILENT_MS = 5_000;
/** When a server is tried again: sooner than by a node, since pairs wait for the relay. */
const RETRIES = { first: 250, most: 10_000, least: 0.5 } as const;

type State = 'waiting' | 'connecting' | 'handshake' | 'open';

export class RelayEnd {
  readonly #deps: RelayEndDeps;
  readonly #backoff: Backoff;
  #state: State = 'waiting';
  #handshake: RelayHandshake | undefined;
  #records: RecordChannel | undefined;
  #isWelcome = false;
  #since: Millis = millis(0);
  #heardAt: Millis = millis(0);
  #saidAt: Millis = millis(0);
  #retryAt: Millis = millis(0);
  #effects: EndEffect[] = [];

  constructor(deps: RelayEndDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(RETRIES, (length) => deps.random(length));
  }

  get isUp(): boolean {
    return this.#isWelcome;
  }

  takeEffects(): EndEffect[] {
    return this.#effects.splice(0);
  }

  /** Call every 100 ms or so. */
  tick(now: Millis): void {
    if (this.#state === 'waiting') {
      if (now < this.#retryAt) return;
      this.#state = 'connecting';
      this.#since = now;
      this.#effects.push({ kind: 'connect' });
      return;
    }
    if (!this.#isWelcome && now - this.#since >= OPENING_MS) return this.#fail('no answer', now);
    if (this.#state !== 'open') return;
    if (now - this.#heardAt >= SILENT_MS) return this.#fail('it fell silent', now);
    if (now - this.#saidAt >= PING_MS) this.#say({ type: 'ping' }, now);
  }

  handleOpened(): void {
    if (this.#state !== 'connecting') return;
    const { provider, random, id, psk } = this.#deps;
    this.#handshake = new RelayHandshake(provider, fromHex(id), psk, freshKeyPair(provider, random), MAX_RELAY_MESSAGE);
    this.#state = 'handshake';
    this.#effects.push({ kind: 'send', frame: encodeOpening(id, this.#handshake.message) });
  }

  handleFrame(frame: Uint8Array, now: Millis): void {
    if (this.#state === 'handshake') return this.#finish(frame, now);
    if (this.#state !== 'open') return;
    const opened = this.#records?.open(frame) ?? 'closed';
    if (typeof opened === 'string') return this.#fail(opened, now);
    this.#heardAt = now;
    const order = opened.message && decodeRelayOrder(opened.message);
    // a later release of the server may say more
    if (order === undefined || order === 'message-type') return;
    if (typeof order === 'string') return this.#fail(order, now);
    if (order.type === 'pong') return;
    if (order.type === 'welcome') this.#welcome();
    this.#effects.push({ kind: 'order', order });
  }

  handleClosed(why: string, now: Millis): void {
    if (this.#state !== 'waiting') this.#fail(why, now);
  }

  close(): void {
    this.#records?.close();
    this.#state = 'waiting';
    this.#retryAt = millis(Number.POSITIVE_INFINITY);
    this.#effects.push({ kind: 'disconnect' });
  }

  #finish(frame: Uint8Array, now: Millis): void {
    const reply = decodeReply(frame);
    const records = reply && this.#handshake?.finish(reply);
    this.#handshake = undefined;
    if (records === undefined || typeof records === 'string')
      return this.#fail('it does not know the secret of this relay', now);
    this.#records = records;
    this.#state = 'open';
    this.#heardAt = now;
    this.#say({ type: 'hello', release: this.#deps.release, endpoints: this.#deps.endpoints() }, now);
  }

  #welcome(): void {
    this.#backoff.reset();
    this.#isWelcome = true;
    this.#effects.push({ kind: 'up' });
  }

  #say(message: RelayMessage, now: Millis): void {
    this.#saidAt = now;
    const frames = this.#records?.seal(encodeRelayMessage(message)) ?? 'closed';
    if (typeof frames === 'string') return this.#fail(frames, now);
    for (const frame of frames) this.#effects.push({ kind: 'send', frame });
  }

  #fail(why: string, now: Millis): void {
    this.#records?.close();
    this.#records = undefined;
    this.#handshake = undefined;
    this.#isWelcome = false;
    this.#state = 'waiting';
    this.#retryAt = this.#backoff.next(now);
    this.#effects.push({ kind: 'disconnect' }, { kind: 'down', why });
  }
}
