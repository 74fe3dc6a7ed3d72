import type { SaIndex } from '../base/brands.ts';
import { wipe } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { SaDescription } from '../dprp/effects.ts';
import { slotOf } from '../pccom/sa.ts';

const SLOTS = 65_536;
const KEY = 32;

/** What a handshake told of each SA beside its terms; by slot, so that an SA needs no objects for it. */
export class SaFacts {
  readonly #mtu = new Uint16Array(SLOTS);
  readonly #replaces = new Uint32Array(SLOTS);
  readonly #takesNoFlows = new Uint8Array(SLOTS);
  readonly #exporters = new Uint8Array(SLOTS * KEY);
  readonly #paths: (PathAddress | undefined)[] = [];

  /** A new SA in this slot. Takes the exporter over and wipes it where it was. */
  add({ local, replaces, exporter, path }: SaDescription, mtu: number): void {
    this.#paths[slotOf(local)] = path;
    this.#replaces[slotOf(local)] = replaces;
    this.#takesNoFlows[slotOf(local)] = 0;
    this.setMtu(local, mtu);
    this.exporter(local).set(exporter);
    wipe(exporter);
  }

  /** The SA is gone. */
  remove(local: SaIndex): void {
    wipe(this.exporter(local));
    this.#paths[slotOf(local)] = undefined;
  }

  /** Where its handshake ran. */
  path(local: SaIndex): PathAddress | undefined {
    return this.#paths[slotOf(local)];
  }

  /** Inner MTU that the peer takes, in bytes. */
  mtu(local: SaIndex): number {
    return this.#mtu[slotOf(local)];
  }

  setMtu(local: SaIndex, mtu: number): void {
    this.#mtu[slotOf(local)] = mtu;
  }

  /** Own index of the SA that this one follows, 0 if none. */
  replaces(local: SaIndex): number {
    return this.#replaces[slotOf(local)];
  }

  /** The key that proves this SA to its successor, where it is kept (protocol.md 2.4); zeros without an SA. */
  exporter(local: SaIndex): Uint8Array {
    const at = slotOf(local) * KEY;
    return this.#exporters.subarray(at, at + KEY);
  }

  /** The peer holds the version for too old to open flows on this SA (protocol.md 5.3). */
  takesNoFlows(local: SaIndex): boolean {
    return this.#takesNoFlows[slotOf(local)] === 1;
  }

  refuseFlows(local: SaIndex): void {
    this.#takesNoFlows[slotOf(local)] = 1;
  }
}
