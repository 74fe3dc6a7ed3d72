/** The counter of one send key as two 32-bit halves: starts at 0, only moves up (protocol.md 4.1, K2). */
export class SendCounter {
  high: number;
  low: number;

  /** A key's counter starts at 0; only a test begins elsewhere. */
  constructor(high = 0, low = 0) {
    this.high = high;
    this.low = low;
  }

  /** Moves on after a nonce was used. */
  advance(): void {
    this.low = (this.low + 1) >>> 0;
    if (this.low === 0) this.high += 1;
  }
}
