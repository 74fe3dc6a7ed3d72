import { DATA_HEADER, DATA_OVERHEAD } from '../base/primitives.ts';
import { headerCounterHigh, headerCounterLow, volumeOf } from './data-header.ts';
import { LaneNonce } from './lane-nonce.ts';
import { FAILED_OPENS_CLOSE } from './limits.ts';
import type { PacketKey } from './packet-cipher.ts';
import { ReplayWindow } from './replay-window.ts';

export type OpenResult = 'newest' | 'opened' | 'replayed' | 'too-old' | 'auth-failed';

/** The receive key of one lane with its replay window. */
export class ReceiveLane {
  packets = 0;
  bytes = 0;
  volume = 0;
  failed = 0;
  readonly #key: PacketKey;
  readonly #nonce: LaneNonce;
  readonly #window: ReplayWindow;

  constructor(key: PacketKey, iv: Uint8Array, windowBits: number) {
    this.#key = key;
    this.#nonce = new LaneNonce(iv);
    this.#window = new ReplayWindow(windowBits);
  }

  /** False after so many failed opens that the key is given up (protocol.md 4.2). */
  get alive(): boolean {
    return this.failed < FAILED_OPENS_CLOSE;
  }

  get highestCounter(): number {
    return this.#window.highest;
  }

  /** Opens one datagram of at least 32 bytes in place: window check, authentication, window update (protocol.md 4.3). */
  open(arena: Uint8Array, view: DataView, at: number, length: number): OpenResult {
    const high = headerCounterHigh(view, at);
    const low = headerCounterLow(view, at);
    const verdict = this.#window.check(high, low);
    if (verdict !== 'fresh') return verdict;
    const body = at + DATA_HEADER;
    if (
      !this.#key.openInPlace(this.#nonce.of(high, low), arena.subarray(at, body), arena.subarray(body, at + length))
    ) {
      this.failed += 1;
      return 'auth-failed';
    }
    return this.#accept(high, low, length);
  }

  wipe(): void {
    this.#key.wipe();
  }

  #accept(high: number, low: number, length: number): OpenResult {
    const plaintext = length - DATA_OVERHEAD;
    this.packets += 1;
    this.bytes += plaintext;
    this.volume += volumeOf(plaintext);
    return this.#window.accept(high, low) ? 'newest' : 'opened';
  }
}
