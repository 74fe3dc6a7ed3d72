import { DATA_HEADER, DATA_OVERHEAD } from '../base/primitives.ts';
import { volumeOf, writeDataHeader } from './data-header.ts';
import { LaneNonce } from './lane-nonce.ts';
import { VOLUME_HARD } from './limits.ts';
import type { PacketKey } from './packet-cipher.ts';
import { SendCounter } from './send-counter.ts';

/**
 * The send key of one lane with its counter, which nobody passes in (protocol.md K2).
 * Alive until `stop`; a stopped lane stays where it is, so that it refuses a second key (protocol.md K1).
 */
export class SendLane {
  packets = 0;
  bytes = 0;
  volume = 0;
  readonly #remote: number;
  readonly #counter = new SendCounter();
  #key: PacketKey | undefined;
  #nonce: LaneNonce;

  /** remote: the peer's index of this lane */
  constructor(key: PacketKey, iv: Uint8Array, remote: number) {
    this.#key = key;
    this.#nonce = new LaneNonce(iv);
    this.#remote = remote;
  }

  get alive(): boolean {
    return this.#key !== undefined;
  }

  /** False when this plaintext would pass the hard limit of volume (protocol.md 4.2). */
  hasRoom(plaintextLength: number): boolean {
    return this.volume + volumeOf(plaintextLength) <= VOLUME_HARD;
  }

  /** Writes header, ciphertext and tag at `at` and uses up one counter. Returns the bytes written, 0 without a key. */
  seal(plaintext: Uint8Array, flags: number, out: Uint8Array, view: DataView, at: number): number {
    if (this.#key === undefined) return 0;
    const end = at + DATA_OVERHEAD + plaintext.length;
    const body = at + DATA_HEADER;
    const { high, low } = this.#counter;
    this.#counter.advance();
    writeDataHeader(view, at, flags, this.#remote, high, low);
    const nonce = this.#nonce.of(high, low);
    this.#key.seal(nonce, out.subarray(at, body), plaintext, out.subarray(body, end));
    this.packets += 1;
    this.bytes += plaintext.length;
    this.volume += volumeOf(plaintext.length);
    return end - at;
  }

  stop(): void {
    this.#key?.wipe();
    this.#key = undefined;
    this.#nonce = new LaneNonce(new Uint8Array(12));
  }
}
