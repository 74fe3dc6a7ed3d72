import { concat, wipe } from '../base/bytes.ts';
import type { CipherState } from './noise-symmetric.ts';
import { LENGTH } from './provider.ts';

/*
 * Messages of any length as Noise transport messages (protocol.md 11). A record is at most 65,535 bytes, of which inside
 *
 *   flags 1 (bit 0: more of this message follows; others 0) · piece
 *
 * Every record of a message but the last is full, so that a message has one way to be cut and no record is empty for
 * nothing. After the last record of a message both sides replace the key of that direction (Noise 4.2): who gets hold of
 * a running program cannot open what was sent before.
 */

/** Bytes of a full record, and of the piece in it. */
export const MAX_RECORD = 65_535;
export const MAX_PIECE = MAX_RECORD - LENGTH.tag - 1;
const FLAG_MORE = 0x01;
/** Records of one direction, after which the channel ends and another is opened. */
export const MAX_RECORDS = 2 ** 32;

/** Why a channel ended. Nothing can be sent or received over it afterwards: 'closed' is what it says from then on. */
export type RecordFault =
  | 'record-short'
  | 'record-long'
  | 'record-auth'
  | 'record-flags'
  | 'record-cut'
  | 'record-message-long'
  | 'record-limit'
  | 'closed';

export interface RecordKeys {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** the handshake hash: names this channel and no other */
  readonly hash: Uint8Array;
  /** bytes of the longest message that the peer may send */
  readonly mostReceived: number;
  /** records of one direction */
  readonly limit?: number;
}

/** What a record brought: a whole message, which the receiver wipes if it holds secrets, or undefined when more follows. */
export interface Opened {
  readonly message: Uint8Array | undefined;
}

/**
 * One side of a channel after its handshake. Records must come in order and all of them, as a stream gives them; the first
 * that does not fit ends the channel. Nothing throws.
 */
export class RecordChannel {
  /** Names this channel: a signature over it is worth nothing elsewhere. */
  readonly hash: Uint8Array;
  readonly #send: CipherState;
  readonly #receive: CipherState;
  readonly #mostReceived: number;
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #pending = 0;
  #sent = 0;
  #received = 0;
  #closed = false;

  constructor(keys: RecordKeys) {
    this.hash = keys.hash;
    this.#send = keys.send;
    this.#receive = keys.receive;
    this.#mostReceived = keys.mostReceived;
    this.#limit = keys.limit ?? MAX_RECORDS;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The records of one message, to be sent in this order. */
  seal(message: Uint8Array): readonly Uint8Array[] | 'record-limit' | 'closed' {
    if (this.#closed) return 'closed';
    const count = Math.max(1, Math.ceil(message.length / MAX_PIECE));
    if (this.#sent + count > this.#limit) return this.#fail('record-limit');
    this.#sent += count;
    const records = Array.from({ length: count }, (_, i) => this.#sealPiece(message, i * MAX_PIECE));
    this.#send.rekey();
    return records;
  }

  open(record: Uint8Array): Opened | RecordFault {
    if (this.#closed) return 'closed';
    if (record.length > MAX_RECORD) return this.#fail('record-long');
    if (record.length <= LENGTH.tag) return this.#fail('record-short');
    if (++this.#received > this.#limit) return this.#fail('record-limit');
    const plain = this.#receive.open(NO_DATA, record);
    if (plain === null) return this.#fail('record-auth');
    return this.#take(plain);
  }

  /** Overwrites the keys and what has come of an unfinished message. */
  close(): void {
    this.#closed = true;
    this.#send.wipe();
    this.#receive.wipe();
    wipe(...this.#pieces);
    this.#pieces = [];
  }

  #sealPiece(message: Uint8Array, at: number): Uint8Array {
    const end = Math.min(at + MAX_PIECE, message.length);
    const plain = room.subarray(0, 1 + end - at);
    plain[0] = end < message.length ? FLAG_MORE : 0;
    plain.set(message.subarray(at, end), 1);
    const record = this.#send.seal(NO_DATA, plain);
    wipe(plain);
    return record;
  }

  #take(plain: Uint8Array): Opened | RecordFault {
    const piece = plain.subarray(1);
    this.#pieces.push(piece);
    this.#pending += piece.length;
    if ((plain[0] & ~FLAG_MORE) !== 0) return this.#fail('record-flags');
    if (this.#pending > this.#mostReceived) return this.#fail('record-message-long');
    if ((plain[0] & FLAG_MORE) !== 0) return piece.length === MAX_PIECE ? MORE : this.#fail('record-cut');
    // a last record that is empty would be a second way to cut the same message
    if (piece.length === 0 && this.#pieces.length > 1) return this.#fail('record-cut');
    return { message: this.#joined() };
  }

  #joined(): Uint8Array {
    const message = concat(...this.#pieces);
    wipe(...this.#pieces);
    this.#pieces = [];
    this.#pending = 0;
    this.#receive.rekey();
    return message;
  }

  #fail<T extends RecordFault>(fault: T): T {
    this.close();
    return fault;
  }
}

/** Where a record stands before it is sealed; wiped each time. */
const room = new Uint8Array(1 + MAX_PIECE);
const NO_DATA = new Uint8Array(0);
const MORE: Opened = { message: undefined };
