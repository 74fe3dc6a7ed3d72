import type { NodeId } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import { writeAddressWords } from '../base/flow-cid.ts';
import { FLOW } from '../base/flow-words.ts';
import { PrefixSet } from '../base/prefix-set.ts';
import { isIpv4 } from '../crypto/address-prefix.ts';
import type { Member } from './key-store.ts';

const OWN = 0;

/** Whose an overlay address is: by the vips and routes of all members (protocol.md 2.1, 5.1). Rebuilt when keys change. */
export class Directory {
  #prefixes = new PrefixSet();
  #members: Member[] = [];
  #byName = new Map<string, Member>();
  #byId = new Map<NodeId, Member>();
  /** who has which routes; addresses of nodes are theirs for life */
  #owned = '';

  /** True when addresses came or went, or have another owner, since the last time. */
  rebuild(self: Member, others: readonly Member[]): boolean {
    const owned = [self, ...others].map(({ id, routes }) => [id, ...routes.map(routeName)].join(' ')).join('\n');
    const isOther = owned !== this.#owned;
    this.#owned = owned;
    this.#prefixes = new PrefixSet();
    this.#members = [self, ...others];
    this.#byName = new Map(this.#members.map((member) => [member.name, member]));
    this.#byId = new Map(this.#members.map((member) => [member.id, member]));
    // From the back, so that what is our own wins over what others claim.
    for (let number = this.#members.length - 1; number >= 0; number--) this.#add(this.#members[number], number);
    return isOther;
  }

  /** True when the address in FLOW words at `at` (source or destination) is this node's own or behind it. */
  isOwn(flow: Int32Array, at: number): boolean {
    return this.#number(flow, at) === OWN;
  }

  /** The other node that the address belongs to. */
  ownerOf(flow: Int32Array, at: number): Member | undefined {
    const number = this.#number(flow, at);
    return number > OWN ? this.#members[number] : undefined;
  }

  member(id: NodeId): Member | undefined {
    return this.#byId.get(id);
  }

  /** Whose an address of 16 bytes is, this node included. */
  at(address: Uint8Array): Member | undefined {
    const words = new Int32Array(FLOW.stride);
    words[FLOW.head] = (isIpv4(address) ? 4 : 6) << 8;
    writeAddressWords(address, words, FLOW.source);
    return this.in(words, FLOW.source);
  }

  /** The same of the address in FLOW words at `at`. */
  in(flow: Int32Array, at: number): Member | undefined {
    const number = this.#number(flow, at);
    return number < 0 ? undefined : this.#members[number];
  }

  /** By name, or by overlay address as text. */
  find(text: string): Member | undefined {
    return this.#byName.get(text) ?? this.#members.find(({ addresses }) => addresses.includes(text));
  }

  others(): readonly Member[] {
    return this.#members.slice(1);
  }

  #number(flow: Int32Array, at: number): number {
    return this.#prefixes.find(flow[FLOW.head] >>> 8 === 4 ? 4 : 6, flow, at);
  }

  #add(member: Member, number: number): void {
    for (const vip of member.vips) {
      const v4 = isIpv4(vip);
      this.#prefixes.set(v4 ? 4 : 6, vip, v4 ? 32 : 128, number);
    }
    for (const { family, address, length } of member.routes) this.#prefixes.set(family, address, length, number);
  }
}

function routeName({ address, length }: Member['routes'][number]): string {
  return `${toHex(address)}/${length}`;
}
