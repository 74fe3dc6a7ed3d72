import type { GroupId, NodeId } from '../base/brands.ts';

/** Whom an entry belongs to (protocol.md 5.2): chain 0, or under `retain=flow` the key version of admission. */
export interface Owner {
  readonly peer: NodeId;
  readonly group: GroupId;
  readonly chain: number;
}

/** The owner of entries without a peer: plain, and discards by local rule. Its peer number is 0 too. */
export const NO_OWNER = 0;
const NONE: readonly number[] = [];

/**
 * Numbers for owners and for their peers, so that the table holds integers.
 * Numbers are never used twice; there are as many as (peer, group, chain) were ever met.
 */
export class Owners {
  readonly #owners: (Owner | null)[] = [null];
  readonly #peerOf: number[] = [0];
  readonly #peers = new Map<NodeId, number>();
  /** by peer number: the owners of that peer, the oldest first; never changed in place, so that each list is as long as its memory */
  readonly #ownersOf: (readonly number[])[] = [[NO_OWNER]];
  readonly #ofChain = new Map<string, number[]>();

  /** The number of an owner, made when it is new. */
  number(owner: Owner): number {
    const known = this.find(owner);
    if (known >= 0) return known;
    const number = this.#owners.length;
    const peer = this.#peerNumber(owner.peer);
    this.#owners.push(owner);
    this.#peerOf.push(peer);
    const before = this.#ownersOf[peer];
    this.#ownersOf[peer] = before.length === 0 ? [number] : before.concat(number);
    const chain = chainKey(owner.group, owner.chain);
    const ofChain = this.#ofChain.get(chain);
    if (ofChain) ofChain.push(number);
    else this.#ofChain.set(chain, [number]);
    return number;
  }

  /** The number of an owner, or -1 when nothing ever belonged to it. */
  find({ peer, group, chain }: Owner): number {
    const number = this.#peers.get(peer);
    if (number === undefined) return -1;
    // the newest chain is the likeliest
    const found = this.#ownersOf[number].findLast((each) => {
      const owner = this.#owners[each];
      return owner?.group === group && owner.chain === chain;
    });
    return found ?? -1;
  }

  /** Null for NO_OWNER. */
  owner(number: number): Owner | null {
    return this.#owners[number] ?? null;
  }

  /** Whether two owners are of one peer in one group, whatever their chains. */
  sameMember(a: number, b: number): boolean {
    if (a === b) return true;
    const [one, other] = [this.owner(a), this.owner(b)];
    return one !== null && other !== null && one.peer === other.peer && one.group === other.group;
  }

  /** Every owner of a chain in a group, whoever the peer is. */
  numbersOfChain(group: GroupId, chain: number): readonly number[] {
    return this.#ofChain.get(chainKey(group, chain)) ?? [];
  }

  /** The small number of the owner's peer: what quotas count by. */
  peerOf(number: number): number {
    return this.#peerOf[number];
  }

  /** Every number in use but NO_OWNER. */
  numbers(): number[] {
    return this.#owners.flatMap((owner, number) => (owner === null ? [] : [number]));
  }

  ownersOf(peer: number): readonly number[] {
    return this.#ownersOf[peer] ?? [];
  }

  /** Every owner of a peer, or of a peer in one group: what a removal closes (protocol.md 10.3). */
  numbersOf(peer: NodeId, group?: GroupId): number[] {
    const number = this.#peers.get(peer);
    if (number === undefined) return [];
    return this.ownersOf(number).filter((owner) => group === undefined || this.#owners[owner]?.group === group);
  }

  #peerNumber(peer: NodeId): number {
    const known = this.#peers.get(peer);
    if (known !== undefined) return known;
    const number = this.#ownersOf.length;
    this.#peers.set(peer, number);
    this.#ownersOf.push(NONE);
    return number;
  }
}

function chainKey(group: GroupId, chain: number): string {
  return `${group}${chain}`;
}
