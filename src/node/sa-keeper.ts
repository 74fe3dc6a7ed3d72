import { type Millis, type NodeId, type SaIndex, saIndex } from '../base/brands.ts';
import { wipe } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import { DATA_OVERHEAD, SA_STATS } from '../base/primitives.ts';
import { unreachable } from '../base/unreachable.ts';
import { encodeControl } from '../dprp/control-record.ts';
import type { InstallReceive, InstallSend, LaneKey } from '../dprp/effects.ts';
import { judgeLane, type LaneVerdict } from '../pccom/limits.ts';
import { type Sa, slotOf } from '../pccom/sa.ts';
import type { SaEffect } from '../pccom/sa-set.ts';
import type { NodeState } from './node-state.ts';

const EMPTY = new Uint8Array(0);

/** Whom the keeper tells of SAs. */
export interface SaKeeperCalls {
  rekey(sa: Sa, cause: 'time' | 'volume' | 'silence', now: Millis): void;
  /** the SA sends from now on; its handshake ran by this path */
  made(peer: NodeId, path: PathAddress, now: Millis): void;
  /** the last SA with this peer is gone */
  ended(peer: NodeId): void;
  /** who is told of `made` decides about this path then; else a handshake may move a silent peer's at once */
  choosesPath(peer: NodeId, path: PathAddress): boolean;
}

/** Keeps the primitives' slots and the set of SAs in step: keys go in here, and are wiped here (protocol.md 3.1, 5.4). */
export class SaKeeper {
  readonly #node: NodeState;
  readonly #calls: SaKeeperCalls;
  /** by SA slot: the path slot that it sends on */
  readonly pathOfSlot: Int32Array;
  readonly #stats = new Float64Array(SA_STATS.length);

  constructor(node: NodeState, calls: SaKeeperCalls) {
    this.#node = node;
    this.pathOfSlot = node.pathOfSlot;
    this.#calls = calls;
  }

  installReceive({ sa: terms, lanes }: InstallReceive, now: Millis): void {
    const { primitives, sas, saFacts, settings, counters } = this.#node;
    forEachLane(lanes, (lane, key) => {
      const index = saIndex(terms.local + lane);
      if (!primitives.saInstallRx(index, terms.suite, key.key, key.iv, settings.windowBits))
        counters.add('install-refused');
    });
    const { sa, effects } = sas.addReceive(terms, now);
    saFacts.add(terms, settings.mtu);
    this.#meetPath(sa, terms.path, now);
    counters.add('sas-made');
    this.#node.log('info', 'sa-made', { peer: this.#node.peerName(sa.peer), version: sa.version, role: sa.role });
    this.apply(effects, now);
  }

  installSend({ localIndex, remoteIndex, suite, lanes, mtu, path }: InstallSend, now: Millis): Sa | undefined {
    const { primitives, sas, saFacts, counters } = this.#node;
    const sa = sas.byIndex(localIndex);
    if (!sa) return undefined;
    forEachLane(lanes, (lane, key) => {
      const index = saIndex(localIndex + lane);
      if (!primitives.saInstallTx(index, suite, key.key, key.iv, saIndex(remoteIndex + lane)))
        counters.add('install-refused');
    });
    this.#bindPath(sa);
    saFacts.setMtu(sa.local, mtu);
    this.apply(sas.addSend(sa, now), now);
    this.#tellSender(sa, path, now);
    return sa;
  }

  /** The first authentic datagram came in on this SA: a responder sends on it from now on (protocol.md 3.1). */
  heard(sa: Sa, now: Millis): void {
    const wasConfirmed = sa.confirmedAt !== undefined;
    const effects = this.#node.sas.heard(sa, now);
    const path = this.#node.saFacts.path(sa.local);
    // before the answer leaves: it goes where the SA is known
    if (!wasConfirmed && path !== undefined) this.#tellSender(sa, path, now);
    this.apply(effects, now);
  }

  /** A path moves with the SA that was made there, never before it: elements in between know no other (protocol.md 8.4). */
  #tellSender(sa: Sa, path: PathAddress, now: Millis): void {
    if (this.#node.sas.isSender(sa)) this.#calls.made(sa.peer, path, now);
  }

  apply(effects: readonly SaEffect[], now: Millis): void {
    for (const effect of effects) this.#applyOne(effect, now);
  }

  #applyOne(effect: SaEffect, now: Millis): void {
    switch (effect.kind) {
      case 'rekey':
        return this.#calls.rekey(effect.sa, effect.cause, now);
      case 'stop-send':
        return this.#eachLane(effect.sa, (index) => this.#node.primitives.saStopTx(index));
      case 'close':
        return this.#close(effect.sa, effect.cause);
      case 'empty':
        this.seal(effect.sa, EMPTY, now);
        return;
      default:
        return unreachable(effect);
    }
  }

  /**
   * Seals one plaintext on this SA and sends it on the peer's path, or on the path named (a challenge goes to the path
   * that it tries). `isQuiet`: as with an empty datagram, nobody is missed who does not answer. False without a key or a path.
   */
  seal(sa: Sa, plaintext: Uint8Array, now: Millis, path?: PathAddress, isQuiet = false): boolean {
    const to = path ?? this.#node.paths.peer(sa.peer).current;
    if (!to) return false;
    const bytes = new Uint8Array(DATA_OVERHEAD + plaintext.length);
    if (this.#node.primitives.sealOne(sa.local, plaintext, 0, bytes) === 0) return false;
    const { lastSent, lastEmptySent } = this.#node.sas;
    (plaintext.length > 0 && !isQuiet ? lastSent : lastEmptySent)[slotOf(sa.local)] = now;
    this.#node.effects.push({ kind: 'send', bytes, to });
    return true;
  }

  /** PATH-CHALLENGE of the choice of paths, which has its own rules for what stays silent. */
  tryPath(peer: NodeId, path: PathAddress, token: Uint8Array, now: Millis): void {
    const sa = this.#node.sas.sendersTo(peer)[0];
    if (sa) this.seal(sa, encodeControl({ kind: 'path-challenge', token, padding: 0 }), now, path, true);
  }

  /** PATH-CHALLENGE inside the newest SA with a peer, to one path; also what `ping` measures with. False without an SA. */
  challenge(peer: NodeId, path: PathAddress, token: Uint8Array, now: Millis, padding = 0): boolean {
    const sa = this.#node.sas.sendersTo(peer)[0];
    return sa !== undefined && this.seal(sa, encodeControl({ kind: 'path-challenge', token, padding }), now, path);
  }

  /** Whether the SA that sends to a peer can go by this path: elements in between know only such as were made there. */
  carries(peer: NodeId, path: PathAddress): boolean {
    const sa = this.#node.sas.sendersTo(peer)[0];
    const made = sa && this.#node.saFacts.path(sa.local);
    return made === path || !this.#calls.choosesPath(peer, path);
  }

  /** An empty datagram: the confirm of an initiator that has nothing held (protocol.md 3.1). */
  sendEmpty(sa: Sa, now: Millis): void {
    this.seal(sa, EMPTY, now);
  }

  /** Looks at the volumes of every SA; called about once a second (protocol.md 4.2, K6). */
  checkVolumes(now: Millis): void {
    const { primitives, sas, settings } = this.#node;
    for (const sa of [...sas.sas()])
      for (let lane = 0; lane < sa.lanes; lane++)
        if (primitives.saStats(saIndex(sa.local + lane), this.#stats))
          this.#judge(sa, judgeLane(this.#stats, sa.suite, settings.rekeyVolume), now);
  }

  #judge(sa: Sa, verdict: LaneVerdict, now: Millis): void {
    const { sas, counters } = this.#node;
    if (verdict === 'stop-tx') counters.add('volume-exhausted');
    if (verdict === 'stop-tx' || verdict === 'rekey') sas.wantRekey(sa);
    if (verdict !== 'close') return;
    this.apply(
      sas.closeWhere((other) => other === sa, 'failed-opens'),
      now,
    );
  }

  /** Bytes that this SA has received and sent so far, by all its lanes. */
  traffic({ local, lanes }: Pick<Sa, 'local' | 'lanes'>): { readonly rxBytes: number; readonly txBytes: number } {
    let [rxBytes, txBytes] = [0, 0];
    for (let lane = 0; lane < lanes; lane++) {
      if (!this.#node.primitives.saStats(saIndex(local + lane), this.#stats)) continue;
      rxBytes += this.#stats[SA_STATS.rxBytes];
      txBytes += this.#stats[SA_STATS.txBytes];
    }
    return { rxBytes, txBytes };
  }

  /** Puts every SA of the peer on its path slot again, after the slot was first given an address. */
  #bindPath(sa: Sa): void {
    const { slot } = this.#node.paths.peer(sa.peer);
    this.pathOfSlot[slotOf(sa.local)] = slot;
    this.#eachLane(sa, (index) => this.#node.primitives.saPath(index, slot));
  }

  /**
   * The handshake's own path was proved by it. A peer that is heard on another path right now is not moved by a
   * handshake alone (protocol.md N1): the new path becomes a candidate with its first data.
   */
  #meetPath(sa: Sa, path: PathAddress, now: Millis): void {
    const { paths, sas } = this.#node;
    const peer = paths.peer(sa.peer);
    const heard = sas.sasOf(sa.owner).some((other) => now - sas.heardLast(other) < QUIET);
    if (peer.current === undefined || !(heard || this.#calls.choosesPath(sa.peer, path))) paths.believe(sa.peer, path);
    this.#bindPath(sa);
  }

  #close(sa: Sa, cause: string): void {
    const { primitives, saFacts, sas } = this.#node;
    const { rxBytes, txBytes } = this.traffic(sa);
    const total = this.#node.trafficOf(sa.peer);
    total.rxBytes += rxBytes;
    total.txBytes += txBytes;
    primitives.saFree(sa.local);
    saFacts.remove(sa.local);
    if (![...sas.sas()].some(({ peer }) => peer === sa.peer)) this.#calls.ended(sa.peer);
    this.#node.log('info', 'sa-closed', { peer: this.#node.peerName(sa.peer), version: sa.version, cause });
  }

  #eachLane(sa: Sa, act: (index: SaIndex) => void): void {
    for (let lane = 0; lane < sa.lanes; lane++) act(saIndex(sa.local + lane));
  }
}

/** A path on which nothing came for this long (ms) gives way to the path of a new handshake. */
const QUIET = 1_000;

function forEachLane(lanes: readonly LaneKey[], act: (lane: number, key: LaneKey) => void): void {
  lanes.forEach((key, lane) => {
    act(lane, key);
    wipe(key.key, key.iv);
  });
}
