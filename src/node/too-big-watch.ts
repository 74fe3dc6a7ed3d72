import { parseTooBig4, parseTooBig6, type QuotedTooBig } from '../nat/icmp-too-big.ts';
import { type Addon, type ErrnoName, type PollHandle, usedAddon } from '../native/addon.ts';

/** Messages of one wake-up: what is left calls back, after others had their turn. */
const MOST = 16;
/** What routers quote: 576 bytes of IPv4, 1,280 of IPv6. */
const BYTES = 2_048;
const FAMILIES = [4, 6] as const;

/** Reads what routers say of datagrams that were too large for them; each one goes to `heard`. */
export class TooBigWatch {
  readonly #addon: Addon | undefined;
  readonly #heard: (quoted: QuotedTooBig) => void;
  readonly #open: { readonly fd: number; readonly watch: PollHandle }[] = [];
  readonly #bytes = new Uint8Array(BYTES);

  constructor(heard: (quoted: QuotedTooBig) => void) {
    this.#heard = heard;
    const addon = usedAddon();
    this.#addon = typeof addon === 'string' ? undefined : addon;
    for (const family of FAMILIES) if (this.#addon) this.#listen(this.#addon, family);
  }

  /** IP versions whose messages are read; without the addon, or the right to a raw socket, none: then loss alone tells. */
  get families(): number {
    return this.#open.length;
  }

  close(): void {
    for (const { fd, watch } of this.#open.splice(0)) {
      this.#addon?.pollStop(watch);
      this.#addon?.close(fd);
    }
  }

  #listen(addon: Addon, family: 4 | 6): void {
    const fd = addon.icmpOpen(family);
    if (typeof fd === 'string') return;
    const watch = addon.pollStart(fd, (error: ErrnoName | '') => {
      if (error === '') this.#drain(addon, fd, family);
    });
    if (typeof watch === 'string') addon.close(fd);
    else this.#open.push({ fd, watch });
  }

  #drain(addon: Addon, fd: number, family: 4 | 6): void {
    for (let count = 0; count < MOST; count++) {
      const length = addon.icmpRead(fd, this.#bytes);
      if (length <= 0) return;
      const bytes = this.#bytes.subarray(0, length);
      const quoted = family === 4 ? parseTooBig4(bytes) : parseTooBig6(bytes);
      if (typeof quoted !== 'string') this.#heard(quoted);
    }
  }
}
