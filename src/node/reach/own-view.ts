import { type Millis, millis } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { DetectorSocket } from '../../nat/nat-detector.ts';
import { type NatKind, UNKNOWN_NAT } from '../../nat/nat-kind.ts';
import type { AddressPrefix } from '../../nat/outer-address.ts';
import type { OwnSide } from '../../nat/own-side.ts';
import type { Registered } from '../../nat/signal-message.ts';
import { isTunnelPath } from '../../nat/tunnel-address.ts';
import type { OwnCard } from './coordinator-link.ts';
import { NatWatch, type Question } from './nat-watch.ts';
import { type Above, localPaths, NO_ADDRESSES, type OwnAddresses, ownCandidates, placeOf } from './own-addresses.ts';

interface Means {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
}

/** For `netcheck`; keepAlive in milliseconds. */
export interface OwnFacts {
  readonly nat: NatKind;
  readonly keepAlive: number;
  readonly reflexive: readonly PathAddress[];
  readonly mapped: readonly PathAddress[];
  readonly isComplete: boolean;
}

/** What this node knows of its own place: its addresses, how others see it, its NAT; and what it tells of that. */
export class OwnView {
  readonly #nat: NatWatch;
  #own: OwnAddresses = NO_ADDRESSES;
  #overlay: readonly AddressPrefix[] = [];
  /** of the GEN above */
  #above: Above | undefined;
  #ticket: number | undefined;
  /** as the coordinator sees it, before the vantage points have answered */
  #seen: PathAddress | undefined;
  #wasAsked = false;
  #card: Omit<OwnCard, 'relays'> = { nat: UNKNOWN_NAT, candidates: [] };
  #side: OwnSide;

  constructor(means: Means) {
    this.#nat = new NatWatch(means, millis(0));
    this.#side = this.#makeSide();
  }

  /** What coordinators are told. */
  get card(): Omit<OwnCard, 'relays'> {
    return this.#card;
  }

  get side(): OwnSide {
    return this.#side;
  }

  get keepAlive(): number {
    return this.#nat.keepAlive;
  }

  get own(): OwnAddresses {
    return this.#own;
  }

  /** As others see it, and whether all that was asked about that is answered or given up. */
  facts(): OwnFacts {
    const { nat, keepAlive } = this.side;
    return { nat, keepAlive, reflexive: this.#outer(), mapped: this.#own.mapped, isComplete: this.#wasAsked };
  }

  hasFamily(family: 4 | 6): boolean {
    return this.#own.interfaces.some(({ address }) => (address.length === 4) === (family === 4));
  }

  /** What follows from these addresses: another network, or only something else to be told. */
  setAddresses(own: OwnAddresses, overlay: readonly AddressPrefix[], now: Millis): 'moved' | 'card' | 'same' {
    const { network } = this.#own;
    const isMoved = network !== '' && network !== own.network;
    this.#own = own;
    this.#overlay = overlay;
    const isOther = this.#remake(now);
    if (isMoved) return 'moved';
    return isOther ? 'card' : 'same';
  }

  /** Where others reach this node. */
  get place(): readonly PathAddress[] {
    return this.#above?.place ?? this.#card.candidates.map(({ address }) => address);
  }

  /** True when the coordinators are to be told. */
  setAbove(above: Above | undefined, now: Millis): boolean {
    this.#above = above;
    return this.#remake(now);
  }

  handleNetworkChange(now: Millis): void {
    this.#nat.handleNetworkChange(now);
    this.#ticket = undefined;
    this.#seen = undefined;
    this.#wasAsked = false;
    this.#remake(now);
  }

  /** The main coordinator registered this node; true when it is to be told something else now. */
  handleRegistered(registered: Registered, now: Millis): boolean {
    const { ticket, seen } = registered;
    if (this.#seen !== undefined && seen !== this.#seen) this.#nat.handleMappingLost(now);
    if (ticket !== this.#ticket) this.#nat.begin(registered, localPaths(this.#own), now);
    this.#ticket = ticket;
    this.#seen = seen;
    return this.#remake(now);
  }

  /** An answer of kind 35: undefined, or the name of a counter. */
  handleReflected(bytes: Uint8Array, socket: DetectorSocket, now: Millis): string | undefined {
    return this.#nat.handleDatagram(bytes, socket, now);
  }

  nextDeadline(now: Millis): Millis | undefined {
    return this.#nat.nextDeadline(now);
  }

  /** `isChanged`: the coordinators are to be told. */
  tick(now: Millis): { readonly questions: readonly Question[]; readonly isChanged: boolean } {
    const { questions, finished } = this.#nat.tick(now);
    this.#wasAsked ||= finished;
    return { questions, isChanged: finished && this.#remake(now) };
  }

  #remake(now: Millis): boolean {
    const before = textOf(this.#card);
    this.#card = { nat: this.#nat.kind(now), candidates: ownCandidates(this.#own, this.#outer(), this.#above?.place) };
    this.#side = this.#makeSide();
    return textOf(this.#card) !== before;
  }

  #makeSide(): OwnSide {
    return {
      place: placeOf(this.#own, this.#outer(), this.#overlay, this.#above),
      nat: this.#card.nat,
      udpBlocked: this.#wasAsked && this.#nat.reflexive.length === 0,
      keepAlive: this.#nat.keepAlive,
    };
  }

  #outer(): readonly PathAddress[] {
    const { reflexive } = this.#nat;
    if (reflexive.length > 0 || this.#seen === undefined || isTunnelPath(this.#seen)) return reflexive;
    return [this.#seen];
  }
}

function textOf(value: object): string {
  return JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? each.join('.') : each));
}
