import type { NodeId } from '../base/brands.ts';
import { padAddress } from '../base/ip-address.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';
import { prefixCovers } from '../crypto/address-prefix.ts';
import { type Prefix, samePrefix } from '../tun/prefix.ts';
import type { RefusedRoute } from '../tun/route-choice.ts';

/** A router that proved by its key which GEN it is, and the address of this machine's network that it did so from. */
export interface ProvedRouter {
  readonly node: NodeId;
  readonly address: Prefix;
}

/**
 * Where this machine is at home (protocol.md 8.2): its router has proved itself as the GEN that a network with these
 * addresses is given to. Every other network with the same addresses is a strange one. A proof counts until the machine's
 * networks change or it slept; the router says something authentic every few seconds, and proves it anew.
 */
export class Home {
  #router: ProvedRouter | undefined;
  #refused: readonly RefusedRoute[] = [];

  /** The GEN above said something that only it can say, from this address. */
  prove(node: NodeId, gen: PathAddress): void {
    const { family, address } = parsePath(gen);
    const prefix: Prefix = { family, address, length: 8 * address.length };
    const known = this.#router;
    if (known?.node !== node || !samePrefix(known.address, prefix)) this.#router = { node, address: prefix };
  }

  /** This may be another place now. */
  doubt(): void {
    this.#router = undefined;
  }

  /** The same object as long as nothing changed. */
  get router(): ProvedRouter | undefined {
    return this.#router;
  }

  /** What the lists of members offer, and something of this machine is in the way of. */
  setRefused(refused: readonly RefusedRoute[]): void {
    this.#refused = refused;
  }

  /** Why the network that such an address (16 bytes) lies in is not routed into the overlay; at home nothing is wrong. */
  leftOut(address: Uint8Array): RefusedRoute | undefined {
    return this.#refused.find(({ prefix, lan }) => lan !== 'home' && prefixCovers(padded(prefix), address));
  }

  /** In which kind of connected network such an address (16 bytes) lies; undefined where none is in the way of the overlay. */
  lanOf(address: Uint8Array): 'home' | 'strange' | undefined {
    return this.#refused.find(({ prefix, lan }) => lan !== undefined && prefixCovers(padded(prefix), address))?.lan;
  }
}

function padded({ family, address, length }: Prefix) {
  return { family, address: padAddress(address), length };
}
