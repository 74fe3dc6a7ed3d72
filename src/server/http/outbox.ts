/**
 * Bytes of one write to a TLS socket. OpenSSL's buffers in Node grow to the longest write of a connection and keep that size as
 * long as it lives; below 16 KiB they stay as they are.
 */
const PIECE = 16_000;

/** Writes a piece of a WebSocket message, its last or not, and says when it has left, or that it never will. */
export type WritePiece = (piece: Uint8Array, isLast: boolean, left: (error?: Error | null) => void) => void;

/** What is to go out over one connection: in pieces, one at a time. */
export class Outbox {
  readonly #write: WritePiece;
  readonly #left: (bytes: number) => void;
  readonly #waiting: Uint8Array[] = [];
  #end: () => void = () => undefined;
  /** bytes of the first frame that were written */
  #at = 0;

  constructor(write: WritePiece, left: (bytes: number) => void) {
    this.#write = write;
    this.#left = left;
  }

  /** What to do when everything has left, or will not any more. Nothing is pushed after that. */
  end(act: () => void): void {
    this.#end = act;
    if (this.#waiting.length === 0) act();
  }

  push(frame: Uint8Array): void {
    this.#waiting.push(frame);
    if (this.#waiting.length === 1) this.#next();
  }

  #next(): void {
    const [frame] = this.#waiting;
    if (frame === undefined) return this.#end();
    const piece = frame.subarray(this.#at, this.#at + PIECE);
    this.#at += piece.length;
    const isLast = this.#at === frame.length;
    this.#write(piece, isLast, (error) => {
      if (error) return this.#giveUp();
      if (isLast) this.#waiting.shift();
      if (isLast) this.#at = 0;
      this.#left(piece.length);
      this.#next();
    });
  }

  #giveUp(): void {
    this.#waiting.length = 0;
    this.#end();
  }
}
