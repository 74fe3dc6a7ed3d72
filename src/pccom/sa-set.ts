import { type GroupId, type Millis, millis, type NodeId, type SaIndex, saIndex } from '../base/brands.ts';
import { sharedBytes, sharedFloat64, sharedInt32 } from '../base/shared-arrays.ts';
import { type Sa, type SaTerms, slotOf } from './sa.ts';
import { SA_TIMERS, SAS_PER_TRIPLE } from './sa-timers.ts';

/** What the set asks the node to do; SAs that it closes are gone from the set already. */
export type SaEffect =
  | { readonly kind: 'rekey'; readonly sa: Sa; readonly cause: 'time' | 'volume' | 'silence' }
  | { readonly kind: 'stop-send'; readonly sa: Sa }
  | { readonly kind: 'close'; readonly sa: Sa; readonly cause: SaCloseCause }
  | { readonly kind: 'empty'; readonly sa: Sa; readonly cause: 'confirm' | 'keep-alive' };

export type SaCloseCause = 'cap' | 'number' | 'removed' | 'peer-closed' | 'flushed' | 'failed-opens' | 'clock';

/** The number of a (peer, group, chain), the same at each call: what PIT entries belong to, whatever SA carries them now (protocol.md 5.2). */
export type OwnerNumber = (peer: NodeId, group: GroupId, chain: number) => number;

const SLOTS = 65_536;
/** Numbers are never used twice: 16 million (peer, group, chain) are enough for years. */
const MOST_OWNERS = 2 ** 24;
/** A time before every other. */
const NEVER = -1e12;
const NONE: readonly Sa[] = [];

/**
 * All SAs of a node and the choice of the one that sends (protocol.md 3).
 *
 *   addReceive ──► receiving ──addSend──► keyed ──confirm──► sending ──175 s──► receiving ──185/200 s──► closed
 *
 * The tables at the top are read on the packet path: by owner the index that sends now, by slot the owner.
 */
export class SaSet {
  /** by owner: own index of the SA that sends now, 0 if none */
  sendIndex: Int32Array;
  /** by slot: owner, or -1 */
  readonly ownerOfSlot = sharedInt32(SLOTS).fill(-1);
  /** by slot: 1 until the first authentic datagram */
  readonly unheard = sharedBytes(SLOTS);
  /** by slot: how many lanes were agreed */
  readonly lanesOfSlot = sharedBytes(SLOTS);
  /** by slot: when something with content went or came last */
  readonly lastSent = sharedFloat64(SLOTS).fill(NEVER);
  /** by slot: when a packet of an application went last */
  readonly lastData = sharedFloat64(SLOTS).fill(NEVER);
  readonly lastReceived = sharedFloat64(SLOTS).fill(NEVER);
  /** by slot: likewise of empty datagrams, which no keep-alive answers and which keep no SA young */
  readonly lastEmptySent = sharedFloat64(SLOTS).fill(NEVER);
  readonly lastEmptyReceived = sharedFloat64(SLOTS).fill(NEVER);
  /** it grows where it is, so that who has seen it before sees what is written later */
  readonly #sendMemory = new SharedArrayBuffer(4 * 64, { maxByteLength: 4 * MOST_OWNERS });
  /** by owner; never changed in place, so that each list is as long as its memory */
  readonly #byOwner: (readonly Sa[])[] = [];
  readonly #bySlot = new Map<number, Sa>();
  readonly #random: () => number;
  readonly #ownerNumber: OwnerNumber;

  /** random: uniform in [0, 1), spreads the rekey times. */
  constructor(random: () => number, ownerNumber: OwnerNumber) {
    this.#random = random;
    this.#ownerNumber = ownerNumber;
    this.sendIndex = new Int32Array(this.#sendMemory, 0, 64);
  }

  /** The SAs of one owner, the oldest first. */
  sasOf(owner: number): readonly Sa[] {
    return this.#byOwner[owner] ?? NONE;
  }

  /** The SA that an own index (of any lane) belongs to. */
  byIndex(index: SaIndex): Sa | undefined {
    const sa = this.#bySlot.get(slotOf(index));
    return sa !== undefined && sa.local === saIndex(index & ~7) ? sa : undefined;
  }

  sas(): IterableIterator<Sa> {
    return this.#bySlot.values();
  }

  /** The SAs that send to a peer, one for each group and chain, the oldest first. */
  sendersTo(peer: NodeId): Sa[] {
    return [...this.sas()].filter((sa) => sa.peer === peer && this.isSender(sa));
  }

  /** The receive keys are in place: the SA counts from now (protocol.md 3.1). */
  addReceive(terms: SaTerms, now: Millis): { readonly sa: Sa; readonly effects: SaEffect[] } {
    const { role, peer, group, version, chain, suite, lanes, local, remote } = terms;
    const owner = this.#ownerNumber(peer, group, chain);
    const initiator = role === 'initiator';
    const spread = (2 * this.#random() - 1) * SA_TIMERS.rekeySpread;
    const rekeyAfter = initiator ? SA_TIMERS.rekeyByInitiator : SA_TIMERS.rekeyByResponder;
    const cap = initiator ? SA_TIMERS.receiveCapInitiator : SA_TIMERS.receiveCapResponder;
    const sa: Sa = {
      role,
      peer,
      group,
      version,
      chain,
      suite,
      lanes,
      local,
      remote,
      owner,
      receiveSince: now,
      rekeyAt: millis(now + rekeyAfter + spread),
      sendSince: undefined,
      confirmedAt: undefined,
      heardAt: undefined,
      sendStopped: false,
      capAt: millis(now + cap),
      confirmsSent: 0,
      nextConfirmAt: undefined,
      unansweredSince: undefined,
      lastRekeyTry: undefined,
      rekeyWanted: false,
    };
    const slot = slotOf(sa.local);
    this.#bySlot.set(slot, sa);
    this.ownerOfSlot[slot] = owner;
    this.unheard[slot] = 1;
    this.lanesOfSlot[slot] = sa.lanes;
    const { lastSent, lastData, lastReceived, lastEmptySent, lastEmptyReceived } = this;
    for (const times of [lastSent, lastData, lastReceived, lastEmptySent, lastEmptyReceived]) times[slot] = NEVER;
    this.#makeRoom(owner);
    const before = this.sasOf(owner);
    this.#byOwner[owner] = before.length === 0 ? [sa] : before.concat(sa);
    const surplus = before.length >= SAS_PER_TRIPLE ? this.#oldestIdle(owner) : undefined;
    return { sa, effects: surplus ? [this.#close(surplus, 'number')] : [] };
  }

  /**
   * The send keys are in place. The initiator confirms with it (CDN or data has come); the responder at once only
   * where no other SA of the triple is younger than the send stop (protocol.md 3.1, S2).
   */
  addSend(sa: Sa, now: Millis): SaEffect[] {
    sa.sendSince = now;
    if (sa.role === 'initiator') return this.#confirm(sa, now);
    const younger = (other: Sa) => other !== sa && now - other.receiveSince < SA_TIMERS.sendStop;
    return this.sasOf(sa.owner).some(younger) ? [] : this.#confirm(sa, now);
  }

  /** An authentic datagram came in on this SA: confirms it at the responder, ends the repeats at the initiator. */
  heard(sa: Sa, now: Millis): SaEffect[] {
    if (sa.heardAt !== undefined) return [];
    sa.heardAt = now;
    this.unheard[slotOf(sa.local)] = 0;
    sa.nextConfirmAt = undefined;
    if (sa.sendSince === undefined) return [];
    const effects: SaEffect[] = sa.confirmedAt === undefined ? this.#confirm(sa, now) : [];
    // The responder answers the initiator's first datagram once, so that its repeats end (protocol.md 3.1).
    if (sa.role === 'responder') effects.push({ kind: 'empty', sa, cause: 'confirm' });
    return effects;
  }

  /** A soft limit of volume was met: rekey as soon as possible (protocol.md 4.2). */
  wantRekey(sa: Sa): void {
    sa.rekeyWanted = true;
  }

  /** Closes what a selection names, for removal, CLOSE-SA or a flush. */
  closeWhere(select: (sa: Sa) => boolean, cause: SaCloseCause): SaEffect[] {
    return [...this.#bySlot.values()].filter(select).map((sa) => this.#close(sa, cause));
  }

  /** After a removal the older versions' SAs among the others live at most another minute (protocol.md 10.2). */
  capOlderVersions(group: GroupId, below: number, now: Millis): void {
    for (const sa of this.#bySlot.values())
      if (sa.group === group && sa.version < below)
        sa.capAt = millis(Math.min(sa.capAt, now + SA_TIMERS.capAfterRemoval));
  }

  tick(now: Millis): SaEffect[] {
    const effects: SaEffect[] = [];
    for (const sa of [...this.#bySlot.values()]) this.#age(sa, now, effects);
    return effects;
  }

  /** The SA that sends for this triple now. */
  sender(owner: number): Sa | undefined {
    const index = this.sendIndex[owner];
    return index === 0 ? undefined : this.byIndex(saIndex(index));
  }

  /** When anything authentic came on an SA last. */
  heardLast(sa: Sa): number {
    const slot = slotOf(sa.local);
    return Math.max(this.lastReceived[slot], this.lastEmptyReceived[slot]);
  }

  /** Whether this SA is the one that its triple sends on now; the table holds indices as signed words. */
  isSender(sa: Sa): boolean {
    return this.sendIndex[sa.owner] === (sa.local | 0);
  }

  #age(sa: Sa, now: Millis, effects: SaEffect[]): void {
    if (now >= sa.capAt) {
      effects.push(this.#close(sa, 'cap'));
      return;
    }
    // S4: by the receive keys, so that a late CDN does not let the initiator send beyond the peer's cap
    if (sa.sendSince !== undefined && !sa.sendStopped && now - sa.receiveSince >= SA_TIMERS.sendStop) {
      sa.sendStopped = true;
      effects.push({ kind: 'stop-send', sa });
      this.#choose(sa.owner);
    }
    if (!this.isSender(sa)) return;
    this.#repeatConfirm(sa, now, effects);
    this.#keepAlive(sa, now, effects);
    const cause = this.#rekeyCause(sa, now);
    if (!cause) return;
    sa.lastRekeyTry = now;
    effects.push({ kind: 'rekey', sa, cause });
  }

  #repeatConfirm(sa: Sa, now: Millis, effects: SaEffect[]): void {
    if (sa.nextConfirmAt === undefined || now < sa.nextConfirmAt) return;
    const wait = SA_TIMERS.confirmRepeats[sa.confirmsSent];
    sa.confirmsSent += 1;
    sa.nextConfirmAt = wait === undefined ? undefined : millis(now + wait);
    effects.push({ kind: 'empty', sa, cause: 'confirm' });
  }

  /** Passive keep-alive: data came and nothing went for 10 s (protocol.md 3.4). */
  #keepAlive(sa: Sa, now: Millis, effects: SaEffect[]): void {
    const slot = slotOf(sa.local);
    const sent = Math.max(this.lastSent[slot], this.lastEmptySent[slot]);
    if (this.lastReceived[slot] <= sent || now - Math.max(sent, sa.receiveSince) < SA_TIMERS.keepAlive) return;
    this.lastEmptySent[slot] = now;
    effects.push({ kind: 'empty', sa, cause: 'keep-alive' });
  }

  #rekeyCause(sa: Sa, now: Millis): 'time' | 'volume' | 'silence' | undefined {
    const unanswered = this.#unanswered(sa, now);
    if (sa.lastRekeyTry !== undefined && now - sa.lastRekeyTry < SA_TIMERS.rekeyRetry) return undefined;
    if (sa.rekeyWanted) return 'volume';
    const slot = slotOf(sa.local);
    const sent = this.lastSent[slot];
    // an end that has nothing more to say does not go on asking
    if (unanswered >= SA_TIMERS.deadPeer && now - sent < 2 * SA_TIMERS.deadPeer) return 'silence';
    const active = now - Math.max(sent, this.lastReceived[slot]) < SA_TIMERS.idle;
    return active && now >= sa.rekeyAt ? 'time' : undefined;
  }

  /** How long content has gone out with nothing authentic coming (protocol.md 3.4); measured from tick to tick. */
  #unanswered(sa: Sa, now: Millis): number {
    const sent = this.lastSent[slotOf(sa.local)];
    const heard = Math.max(this.heardLast(sa), sa.confirmedAt ?? 0);
    if (sent <= heard) sa.unansweredSince = undefined;
    else if (sa.unansweredSince === undefined || sa.unansweredSince <= heard) sa.unansweredSince = millis(sent);
    return sa.unansweredSince === undefined ? 0 : now - sa.unansweredSince;
  }

  #confirm(sa: Sa, now: Millis): SaEffect[] {
    sa.confirmedAt = now;
    this.#choose(sa.owner);
    if (sa.role === 'initiator' && sa.heardAt === undefined) {
      sa.nextConfirmAt = millis(now + SA_TIMERS.confirmRepeats[0]);
      sa.confirmsSent = 1;
    }
    return [];
  }

  /** TX SA: the highest version, then the most recently confirmed (protocol.md 3.1). */
  #choose(owner: number): void {
    let best: Sa | undefined;
    for (const sa of this.sasOf(owner)) {
      if (sa.confirmedAt === undefined || sa.sendStopped) continue;
      const better =
        best === undefined ||
        sa.version > best.version ||
        (sa.version === best.version && sa.confirmedAt >= (best.confirmedAt ?? 0));
      if (better) best = sa;
    }
    this.sendIndex[owner] = best ? best.local : 0;
  }

  #oldestIdle(owner: number): Sa | undefined {
    return this.sasOf(owner).find((sa) => !this.isSender(sa));
  }

  /** Owners are numbered from 1 up, and `sendIndex` has a place for each. */
  #makeRoom(owner: number): void {
    if (owner < this.sendIndex.length) return;
    const length = Math.max(this.sendIndex.length * 2, owner + 1);
    this.#sendMemory.grow(4 * length);
    this.sendIndex = new Int32Array(this.#sendMemory, 0, length);
  }

  #close(sa: Sa, cause: SaCloseCause): SaEffect {
    const slot = slotOf(sa.local);
    this.#bySlot.delete(slot);
    this.ownerOfSlot[slot] = -1;
    this.unheard[slot] = 0;
    const at = this.sasOf(sa.owner).indexOf(sa);
    if (at >= 0) this.#byOwner[sa.owner] = this.sasOf(sa.owner).toSpliced(at, 1);
    this.#choose(sa.owner);
    return { kind: 'close', sa, cause };
  }
}
