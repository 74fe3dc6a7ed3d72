import { type GroupId, keyVersion, type Millis, type NodeId, type SaIndex, saIndex } from '../base/brands.ts';
import type { Cid } from '../base/cid.ts';
import type { ActionName } from '../base/datagram-kinds.ts';
import { type AddressKey, addressKey, cidOfWords, wordsOfCid, wordsOfKey } from '../base/flow-cid.ts';
import { FLOW } from '../base/flow-words.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { isIpv4 } from '../crypto/address-prefix.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { DprpEffect, EntryEffect, FailedEffect, Failure, NegotiatedEffect, Purpose } from '../dprp/effects.ts';
import type { Hedge } from '../dprp/ephemeral.ts';
import type { NegotiationDeps } from '../dprp/negotiation-deps.ts';
import { Negotiations } from '../dprp/negotiations.ts';
import type { Sa } from '../pccom/sa.ts';
import type { HeldPacket } from '../pit/held.ts';
import { NO_OWNER, type Owner } from '../pit/owners.ts';
import type { NewEntry } from '../pit/table.ts';
import { PIT_ACTION, type PitAction } from '../pit/terms.ts';
import type { Elements } from './element/elements.ts';
import type { KeyChange } from './key-store.ts';
import type { NodeState } from './node-state.ts';
import type { Reach } from './reach/reach.ts';
import { type Reason, reasonNumber } from './reasons.ts';
import type { SaKeeper } from './sa-keeper.ts';

/** A protocol number that no flow has: the CID of a negotiation that is for the pair and not for a flow. */
const NO_PROTOCOL = 0;

/** What handshakes are computed with. */
interface Means {
  readonly provider: CryptoProvider;
  readonly hedge: Hedge;
}

/** DPRP as the node uses it: starts negotiations, carries out what they ask for, and hands held packets back. */
export class Negotiating {
  readonly #node: NodeState;
  readonly #keeper: SaKeeper;
  readonly #negotiations: Negotiations;
  readonly #reconsider: (waiting: readonly HeldPacket[], now: Millis) => void;
  readonly #keysChanged: (change: KeyChange, now: Millis) => void;
  readonly #reach: Reach;
  readonly #elements: Elements;
  readonly #words = new Int32Array(FLOW.stride);

  constructor(
    node: NodeState,
    keeper: SaKeeper,
    means: Means,
    reconsider: (waiting: readonly HeldPacket[], now: Millis) => void,
    keysChanged: (change: KeyChange, now: Millis) => void,
    reach: Reach,
    elements: Elements,
  ) {
    this.#node = node;
    this.#keeper = keeper;
    this.#negotiations = new Negotiations(negotiationDeps(node, means, elements));
    this.#reconsider = reconsider;
    this.#keysChanged = keysChanged;
    this.#reach = reach;
    this.#elements = elements;
  }

  /** DPRP for the flow in the node's FLOW words; its packet is held already. */
  startFlow(peer: NodeId, now: Millis): void {
    const cid = cidOfWords(this.#node.flow);
    const paths = this.#ways(peer, now);
    if (paths === undefined) this.#refuse(cid, 'no-path', now);
    else this.#apply(this.#negotiations.start({ cid, paths, purpose: 'flow' }, now), now);
  }

  /** DPRP with a peer for no flow of its own: what `ping` needs when there is no SA. */
  startPair(peer: NodeId, now: Millis): void {
    const cid = this.pairCid(peer);
    const paths = this.#ways(peer, now);
    if (cid && paths) this.#apply(this.#negotiations.start({ cid, paths, purpose: 'flow' }, now), now);
  }

  /** A new SA for a pair that has one: by time, volume or silence (2.6, 3.2), or under a newer version (10.2). */
  startForPair(sa: Sa, purpose: Exclude<Purpose, 'flow'>, now: Millis): void {
    const paths = this.#ways(sa.peer, now);
    const cid = this.pairCid(sa.peer);
    if (paths === undefined || cid === undefined) return;
    this.#apply(this.#negotiations.start({ cid, paths, purpose, replaces: sa.local }, now), now);
  }

  /** A new SA for a pair that has one, made by this path and no other; a handshake that is open goes there, too. */
  startByPath(peer: NodeId, path: PathAddress, now: Millis): void {
    const senders = this.#node.sas.sendersTo(peer);
    const sa = senders.find((each) => this.#madeBy(each) !== path) ?? senders[0];
    const cid = this.pairCid(peer);
    if (sa === undefined || cid === undefined) return;
    this.#apply(this.#negotiations.start({ cid, paths: [path], purpose: 'rekey', replaces: sa.local }, now), now);
    this.handlePath(peer, path, now);
  }

  /** An SA that sends to this peer was made by another path than this one. */
  sendsElsewhere(peer: NodeId, path: PathAddress): boolean {
    return this.#node.sas.sendersTo(peer).some((sa) => this.#madeBy(sa) !== path);
  }

  #madeBy(sa: Sa): PathAddress | undefined {
    return this.#node.saFacts.path(sa.local);
  }

  /** A datagram of kinds 01 to 07. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): void {
    this.#apply(this.#negotiations.handleDatagram(bytes, from, now), now);
    this.#elements.handled(bytes, from, now);
  }

  #ways(peer: NodeId, now: Millis): readonly PathAddress[] | undefined {
    return this.#elements.ways(peer, this.#reach.begin(peer, now), now);
  }

  /** Another way towards a peer: a handshake that is open goes there, too; with `isAgain` also where it went in vain before. */
  handlePath(peer: NodeId, path: PathAddress, now: Millis, isAgain = false): void {
    this.#apply(this.#negotiations.pathFound(peer, path, now, isAgain), now);
  }

  /** The first authentic datagram on an SA confirms it at either end (protocol.md 3.1). */
  handleFirstData(sa: Sa, now: Millis): void {
    this.#apply(this.#negotiations.confirmedByData(sa.local, now), now);
  }

  removeMember(group: GroupId, peer: NodeId, now: Millis): void {
    this.#apply(this.#negotiations.removeMember(group, peer, now), now);
  }

  dropVersions(group: GroupId, below: number, now: Millis): void {
    this.#apply(this.#negotiations.dropVersions(group, keyVersion(below), now), now);
  }

  dropAll(now: Millis): void {
    this.#apply(this.#negotiations.dropAll('dropped', now), now);
  }

  tick(now: Millis): void {
    this.#apply(this.#negotiations.tick(now), now);
  }

  /** Handshakes that are not finished. */
  get open(): number {
    const { answered, started } = this.#negotiations.open;
    return answered + started;
  }

  /** A handshake stands on this version: its PSK must stay (protocol.md 10.5 V7). */
  usesVersion(group: GroupId, version: number): boolean {
    return this.#negotiations.usesVersion(group, keyVersion(version));
  }

  /** Versions of a group or of the domain changed: what waited for newer keys goes on. */
  versionsChanged(now: Millis): void {
    this.#apply(this.#negotiations.versionsChanged(now), now);
  }

  #apply(effects: readonly DprpEffect[], now: Millis): void {
    for (const effect of effects) this.#applyOne(effect, now);
  }

  #applyOne(effect: DprpEffect, now: Millis): void {
    const { effects, counters, saFacts, sas } = this.#node;
    switch (effect.kind) {
      case 'send':
        effects.push({ kind: 'send', bytes: effect.bytes, to: effect.to });
        return;
      case 'install-receive':
        return this.#keeper.installReceive(effect, now);
      case 'install-send':
        this.#keeper.installSend(effect, now);
        return;
      case 'peer-mtu':
        if (sas.byIndex(effect.localIndex)) saFacts.setMtu(effect.localIndex, effect.mtu);
        return;
      case 'entry':
        return this.#entry(effect, now);
      case 'negotiated':
        return this.#negotiated(effect, now);
      case 'failed':
        return this.#failed(effect, now);
      case 'refresh':
        if (effect.what === 'group' && effect.version !== 0)
          return this.#keysChanged(this.#node.keys.hint(effect.group, effect.version, now), now);
        effects.push({
          kind: 'refresh',
          what: effect.what === 'group' ? this.#node.keys.groupName(effect.group) : 'D',
        });
        return;
      case 'keys-awaited':
        for (const cid of effect.cids) this.#node.held.waitForKeys(this.#key(cid, FLOW.destination));
        return;
      case 'advance':
        return this.#keysChanged(this.#node.keys.peerUsed(effect.group, effect.version, now), now);
      case 'heard':
        return this.tryAgain(effect.peer);
      case 'elements':
        return this.#node.elements.saw(effect.peer, effect.between);
      case 'counter':
        if (effect.cid) wordsOfCid(effect.cid, this.#words);
        if (effect.cid) this.#node.incident(effect.name, now, this.#words);
        else counters.add(effect.name);
        return;
      case 'trace': {
        const direction = effect.direction === 'sent' ? 'out' : 'in';
        const peer = effect.peer === undefined ? effect.path : this.#node.peerName(effect.peer);
        effects.push({ kind: 'trace', message: effect.message, direction, peer, at: effect.at });
        return;
      }
      default:
        return unreachable(effect);
    }
  }

  #entry(effect: EntryEffect, now: Millis): void {
    if (effect.cid.protocol === NO_PROTOCOL) return;
    const { pit, owners, counters } = this.#node;
    const words = this.#words;
    wordsOfCid(effect.cid, words);
    const id = new DataView(effect.pitId.buffer, effect.pitId.byteOffset, 8);
    const values = {
      action: pitAction(effect.action),
      owner: owners.number({ peer: effect.peer, group: effect.group, chain: effect.chain }),
      version: effect.version,
      reason: reasonNumber(this.#node.directory.isOwn(words, FLOW.source) ? 'negotiated' : 'negotiated-by-peer'),
      confirmed: effect.state === 'confirmed',
      pitIdHigh: id.getInt32(0),
      pitIdLow: id.getInt32(4),
    };
    const found = pit.find(words);
    if (found >= 0) {
      const entry = found >> 1;
      const takesPitId = this.#takesPitId(effect, entry, values);
      pit.reassign(entry, values, now);
      if (takesPitId) pit.renamePitId(entry, values.pitIdHigh, values.pitIdLow);
      if (values.confirmed) pit.confirm(entry);
      return;
    }
    const entry = pit.put(words, values, now);
    if (entry < 0) counters.add('pit-refused');
  }

  /** Two handshakes that cross leave the lower of their pit ids, at both ends. */
  #takesPitId({ state, localIndex }: EntryEffect, entry: number, values: NewEntry): boolean {
    const { pit, sas } = this.#node;
    const { entries } = pit;
    if (entries.owner(entry) !== values.owner) return true;
    if (sas.byIndex(localIndex)?.role === 'initiator') return state === 'provisional';
    if (entries.isConfirmed(entry)) return true;
    const high = entries.pitIdHigh(entry) >>> 0;
    const theirs = values.pitIdHigh >>> 0;
    return theirs < high || (theirs === high && values.pitIdLow >>> 0 <= entries.pitIdLow(entry) >>> 0);
  }

  /** The SA stands: everything that waited for this peer is decided anew; with nothing to send the SA is confirmed by an empty datagram. */
  #negotiated(effect: NegotiatedEffect, now: Millis): void {
    const { effects, held, sas } = this.#node;
    const sealedBefore = effects.length;
    const sa = sas.byIndex(effect.localIndex);
    if (sa) this.#takeOver(sa, now);
    const toPeer = (cid: Cid) => this.#key(cid, effect.role === 'initiator' ? FLOW.destination : FLOW.source);
    const asked = [effect.cid, ...effect.waiting].map(toPeer);
    const others = held.destinations().filter((destination) => this.#isAt(effect.peer, destination));
    for (const key of new Set([...asked, ...others])) this.#reconsider(held.release(key), now);
    const sent = effects.slice(sealedBefore).some(({ kind }) => kind === 'seal' || kind === 'send');
    if (sa && effect.role === 'initiator' && !sent) this.#keeper.sendEmpty(sa, now);
  }

  /**
   * An SA that follows one of another chain ends that chain: its flows go on here, at both ends (protocol.md 10.2).
   * Datagrams that are under way on the former SA are still taken.
   */
  #takeOver(sa: Sa, now: Millis): void {
    const { sas, saFacts, pit } = this.#node;
    const replaces = saFacts.replaces(sa.local);
    const former = replaces === 0 ? undefined : sas.byIndex(saIndex(replaces));
    if (former && former.peer === sa.peer && former.group === sa.group)
      pit.moveOwner(former.owner, sa.owner, sa.version, now);
  }

  #failed(effect: FailedEffect, now: Millis): void {
    if (effect.purpose === 'flow') {
      for (const cid of [effect.cid, ...effect.waiting]) this.#refuse(cid, effect.reason, now);
      return;
    }
    // the pair may still have an SA: flows that waited for the rekey are decided anew
    for (const cid of effect.waiting) this.#reconsider(this.#node.held.release(this.#key(cid, FLOW.destination)), now);
  }

  /** Nothing came of it: held packets go, the flow shows why, and its destination is left alone for a while (5.2). */
  #refuse(cid: Cid, reason: Reason | Failure, now: Millis): void {
    const { held, negative, pit } = this.#node;
    const key = this.#key(cid, FLOW.destination);
    held.drop(key, `discarded-${reason}`);
    // with `refused` the SA stands, and other flows may have room
    if (reason !== 'refused') negative.add(key, reason, now);
    if (cid.protocol === NO_PROTOCOL) return;
    wordsOfCid(cid, this.#words);
    const values = { action: PIT_ACTION.discard, owner: NO_OWNER, version: 0, reason: reasonNumber(reason) };
    const found = pit.find(this.#words);
    if (found >= 0) pit.remove(found >> 1, 'closed', now);
    pit.put(this.#words, { ...values, confirmed: true, pitIdHigh: 0, pitIdLow: 0 }, now);
  }

  /** What failed with this peer need not wait for its time: a sign of life came, or a new address of it. */
  tryAgain(peer: NodeId): void {
    this.#node.negative.clear((destination) => this.#isAt(peer, destination));
  }

  /** Whether an address is one of the peer's, or behind it. */
  #isAt(peer: NodeId, destination: AddressKey): boolean {
    const words = this.#words;
    words[FLOW.head] = wordsOfKey(destination, words, FLOW.destination) << 8;
    return this.#node.directory.ownerOf(words, FLOW.destination)?.id === peer;
  }

  #key(cid: Cid, at: number) {
    wordsOfCid(cid, this.#words);
    return addressKey(this.#words, at);
  }

  /** A CID between the two nodes' own addresses, for a negotiation without a flow. */
  pairCid(peer: NodeId): Cid | undefined {
    const own = this.#node.keys.self().vips;
    const theirs = this.#node.directory.member(peer)?.vips ?? [];
    for (const source of own)
      for (const destination of theirs)
        if (isIpv4(source) === isIpv4(destination))
          return {
            family: isIpv4(source) ? 4 : 6,
            protocol: NO_PROTOCOL,
            source,
            destination,
            sourcePort: 0,
            destinationPort: 0,
          };
    return undefined;
  }
}

/** What MPIT orders, as the PIT names it; `terminate` is for an element on the path, never for the own flow. */
function pitAction(action: ActionName): PitAction {
  return action === 'encrypt' || action === 'relay' ? PIT_ACTION[action] : PIT_ACTION.discard;
}

function negotiationDeps(node: NodeState, { provider, hedge }: Means, elements: Elements): NegotiationDeps {
  const { primitives, random, keys, settings, saFacts, sas } = node;
  return {
    provider,
    random,
    hedge,
    identity: () => keys.identity(),
    authorities: () => keys.authorities(),
    caPartOf: (id) => elements.certificates.find(id),
    groups: () => keys.groups(),
    domain: () => keys.domain(),
    unixNow: () => keys.unixNow(),
    reserveIndex: () => primitives.saReserve(new DataView(random(4).buffer).getUint32(0)),
    freeIndex: (index: SaIndex) => primitives.saFree(index),
    liveSa: (index: SaIndex) => {
      const sa = sas.byIndex(index);
      return sa?.local === index ? { ...sa, exporter: saFacts.exporter(index) } : undefined;
    },
    admitEntry: (owner, cid, now) => hasRoom(node, owner, cid, now),
    roundTrip: () => undefined,
    settings,
  };
}

/** A flow that is known already takes over its entry; what is no flow needs none. */
function hasRoom({ pit, owners }: NodeState, { peer, group, chain }: Owner, cid: Cid, now: Millis): boolean {
  if (cid.protocol === NO_PROTOCOL) return true;
  const words = new Int32Array(FLOW.stride);
  wordsOfCid(cid, words);
  return pit.find(words) >= 0 || pit.hasRoom(owners.number({ peer, group, chain }), now);
}
