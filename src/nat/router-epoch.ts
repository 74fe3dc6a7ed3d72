import type { Millis } from '../base/brands.ts';

/**
 * Did the router start again since its last answer? Its seconds since start, which come with every answer, then run behind
 * (RFC 6887, 8.5, whose tolerance NAT-PMP's rule is inside of). A router that started again has lost its mappings.
 */
export class RouterEpoch {
  #epoch: number | undefined;
  #at = 0;

  /** True when mappings are lost. */
  handleEpoch(epoch: number, now: Millis): boolean {
    const [before, passed] = [this.#epoch, (now - this.#at) / 1000];
    this.#epoch = epoch;
    this.#at = now;
    if (before === undefined) return false;
    const grown = epoch - before;
    if (grown < -1) return true;
    return passed + 2 < grown - grown / 16 || grown + 2 < passed - passed / 16;
  }
}
