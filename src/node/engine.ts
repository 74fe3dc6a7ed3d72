import type { GroupId, Millis, NodeId } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { PacketPrimitives } from '../base/primitives.ts';
import { unreachable } from '../base/unreachable.ts';
import { KEY_TIMES } from '../crypto/key-states.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { currentOf } from '../dprp/admission.ts';
import { encodeControl } from '../dprp/control-record.ts';
import type { Hedge } from '../dprp/ephemeral.ts';
import type { GroupView } from '../dprp/negotiation-deps.ts';
import type { QuotedTooBig } from '../nat/icmp-too-big.ts';
import type { Sa } from '../pccom/sa.ts';
import type { SaCloseCause } from '../pccom/sa-set.ts';
import { NO_OWNER } from '../pit/owners.ts';
import type { PitListener } from '../pit/table.ts';
import { chainHasFlows, isDeserted, mustMove } from './chains.ts';
import { ControlRecords } from './control-records.ts';
import { elementMeans } from './element/element-means.ts';
import { Elements } from './element/elements.ts';
import { FlowControl } from './flow-control.ts';
import { Incoming } from './incoming.ts';
import type { KeyChange, KeyStore, KeyUsage } from './key-store.ts';
import { removedBy } from './members.ts';
import { Migrations } from './migrations.ts';
import { Negotiating } from './negotiating.ts';
import type { NodeEffect } from './node-effects.ts';
import { type EngineSettings, NodeState } from './node-state.ts';
import { Outgoing } from './outgoing.ts';
import { PathMoves } from './path-moves.ts';
import { Reach } from './reach/reach.ts';
import { SaKeeper } from './sa-keeper.ts';
import { TooBigHints } from './too-big.ts';
import { endWithdrawn } from './withdrawn.ts';

export interface EngineDeps {
  readonly primitives: PacketPrimitives;
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly keys: KeyStore;
  readonly settings: EngineSettings;
  /** absent: random numbers, for a node that keeps nothing */
  readonly hedge?: Hedge;
  /** milliseconds since 1970 by the server's clock, as far as it is known; absent: by whole seconds */
  wallMillis?(): number;
}

/** Entries that the expiry hand looks at per tick. */
const EXPIRY_BUDGET = 4_096;
const VOLUME_CHECK = 1_000;
/** Milliseconds without a tick after which this process must have been stopped. */
const STANDSTILL = 2_000;

/**
 * A whole node without a kernel: packets and datagrams go in as batches, times as numbers; what is to be done comes out
 * as effects. The shell moves the packets and carries the effects out.
 */
export class Engine {
  readonly node: NodeState;
  readonly #keeper: SaKeeper;
  readonly #negotiating: Negotiating;
  readonly #flows: FlowControl;
  readonly #control: ControlRecords;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #migrations: Migrations;
  readonly #moves: PathMoves;
  readonly #tooBig: TooBigHints;
  readonly #usage: KeyUsage;
  /** how peers are reached where there is a coordinator */
  readonly reach: Reach;
  /** elements below this node, and the GEN above it */
  readonly elements: Elements;
  #volumesAt = 0;
  #tickedAt = Number.POSITIVE_INFINITY;
  #pitListener: PitListener | null = null;

  constructor({ primitives, provider, random, keys, settings, hedge, wallMillis: wall }: EngineDeps) {
    const node = new NodeState(primitives, (length) => random(length), settings, keys);
    this.node = node;
    this.#keeper = new SaKeeper(node, {
      rekey: (sa, _cause, now) => {
        if (!isDeserted(node, sa)) this.#negotiating.startForPair(sa, 'rekey', now);
      },
      made: (peer, path, now) => {
        this.#moves.made(peer, path, now);
        this.reach.handleSa(peer, path, now);
      },
      ended: (peer) => {
        this.#moves.ended(peer);
        this.reach.handleNoSa(peer);
      },
      choosesPath: (peer, path) => this.reach.isOn || this.#moves.isThrough(peer, path),
    });
    const wallMillis = wall ?? (() => keys.unixNow() * 1_000);
    this.reach = new Reach(
      node,
      { provider, wallMillis },
      {
        challenge: (peer, path, token, now) => this.#moves.challenge(peer, path, token, now),
        use: (peer, path, reason, now) => this.#moves.use(peer, path, reason, now),
        follow: (peer, path, now) => this.#negotiating.handlePath(peer, path, now, true),
        noDirection: (peer, now) => this.#moves.tryHints(peer, now),
        send: (bytes, to, now) => this.#moves.send(bytes, to, now),
        endpointOf: (path) => this.elements.endpointOf(path),
      },
    );
    this.#moves = new PathMoves(node, () => ({
      keeper: this.#keeper,
      negotiating: this.#negotiating,
      elements: this.elements,
    }));
    const own: Hedge = hedge ?? { key: random(32), bootCounter: new DataView(random(4).buffer).getUint32(0) };
    this.elements = new Elements(elementMeans(node, provider, own), {
      gate: this.reach.gate,
      place: () => this.reach.view.place,
      placed: (above, now) => {
        this.reach.setAbove(above, now);
        node.effects.push({ kind: 'placed' });
      },
      pathFound: (peer, path, now) => this.#negotiating.handlePath(peer, path, now),
      rekey: (sa, now) => this.#negotiating.startForPair(sa, 'rekey', now),
      again: (bytes, from, now) => this.#negotiating.handleDatagram(bytes, from, now),
    });
    this.#usage = {
      handshake: (group, version) => this.#negotiating.usesVersion(group, version),
      chain: (group, version) => chainHasFlows(node, group, version),
    };
    this.#negotiating = new Negotiating(
      node,
      this.#keeper,
      { provider, hedge: own },
      (waiting, now) => this.#outgoing.reconsider(waiting, now),
      (change, now) => this.handleKeyChange(change, now),
      this.reach,
      this.elements,
    );
    this.#flows = new FlowControl(node, this.#keeper, {
      reconsider: (waiting, now) => this.#outgoing.reconsider(waiting, now),
      startFlow: (peer, now) => this.#negotiating.startFlow(peer, now),
    });
    this.#control = new ControlRecords(node, this.#keeper, this.#flows, this.reach, (group, entry, now) =>
      this.#signedRemove(group, entry, now),
    );
    this.#outgoing = new Outgoing(node, this.#flows, this.#negotiating, this.#keeper.pathOfSlot);
    this.#incoming = new Incoming(node, this.#control, this.#negotiating, this.#keeper, this.reach, this.elements);
    this.#tooBig = new TooBigHints(node);
    this.#migrations = new Migrations((length) => random(length));
    node.pit.watch((event, entry, cause) => {
      if (event === 'closed') this.#flows.forget(entry);
      this.#pitListener?.(event, entry, cause);
    });
  }

  /** Who hears of every change of the PIT, while the entry still holds its values; null for nobody. */
  watchPit(listener: PitListener | null): void {
    this.#pitListener = listener;
  }

  /** Packets from TUN: fills `sa` of every row (see PACKET). */
  handleOutgoing(arena: Uint8Array, view: DataView, packets: Int32Array, count: number, now: Millis): void {
    this.#noticeStandstill(now);
    this.#outgoing.handleBatch(arena, view, packets, count, now);
  }

  /** Opened datagrams: fills `verdict` of every run (see RUN). */
  handleIncoming(
    arena: Uint8Array,
    view: DataView,
    messages: Int32Array,
    records: Int32Array,
    runs: Int32Array,
    count: number,
    now: Millis,
  ): void {
    this.#incoming.handleBatch(arena, view, messages, records, runs, count, now);
  }

  /** Timers: call at least every half second, and every few milliseconds while `isBusy`. */
  tick(now: Millis): void {
    const { sas, held, fragments, expiry, roaming, keys } = this.node;
    this.#noticeStandstill(now);
    this.#tickedAt = now;
    this.#negotiating.tick(now);
    this.#flows.tick(now);
    this.#keeper.apply(sas.tick(now), now);
    this.#control.applyRoaming(roaming.tick(now), now);
    this.#tooBig.tick(now);
    this.#control.tickMtus(now);
    this.reach.tick(now);
    this.elements.tick(now);
    this.#moves.tick(now);
    held.expire(now);
    fragments.expire(now);
    expiry.tick(now, EXPIRY_BUDGET);
    if (now - this.#volumesAt >= VOLUME_CHECK) {
      this.#volumesAt = now;
      this.#keeper.checkVolumes(now);
      for (const change of keys.tick(now, this.#usage)) this.handleKeyChange(change, now);
      for (const group of keys.groups()) this.#planMoves(group, KEY_TIMES.spreadManual, now);
    }
    this.#migrate(now);
  }

  /** True while something is open that wants ticks of a few milliseconds. */
  isBusy(): boolean {
    const { held, mtus } = this.node;
    return this.#negotiating.open > 0 || this.#flows.waiting > 0 || held.packets > 0 || mtus.isProbing;
  }

  /** Milliseconds until `tick` has something to do, half a second at most. */
  delay(now: Millis): number {
    return this.isBusy() ? 0 : this.reach.delay(now);
  }

  /** What came up since the last call, in order. */
  takeEffects(): NodeEffect[] {
    return this.node.effects.splice(0);
  }

  /** Keys of one group changed: pairs move to the newest version, removed members are cut off (protocol.md 10). */
  handleKeyChange(change: KeyChange, now: Millis): void {
    const { sas, effects, keys, counters } = this.node;
    if (change.refused !== undefined) {
      counters.add('roster-refused');
      this.node.log('warn', 'roster-refused', { group: keys.groupName(change.group), fault: change.refused });
    }
    let spread: number | undefined;
    // a node that was added again meanwhile loses what it had before its removal, too (protocol.md 10.3)
    const removed = new Set([...change.removed, ...change.removals.flatMap(removedBy)]);
    for (const node of removed) this.#cutOff(change.group, node, now);
    this.#handOn(change.group, change.removals, now);
    if (change.left) this.#closeSas((sa) => sa.group === change.group, 'removed', now);
    for (const effect of change.effects)
      switch (effect.type) {
        case 'current':
          this.node.log('info', 'group-key-current', { group: keys.groupName(change.group), version: effect.v });
          spread = Math.min(spread ?? effect.spread, effect.spread);
          effects.push({ kind: 'persist', what: 'versions' });
          break;
        case 'removal':
          sas.capOlderVersions(change.group, effect.below, now);
          this.#negotiating.dropVersions(change.group, effect.below, now);
          break;
        case 'fetch':
          effects.push({ kind: 'refresh', what: keys.groupName(change.group) });
          break;
        case 'stop':
          this.node.log('warn', 'group-stopped', { group: keys.groupName(change.group), version: effect.v });
          break;
        case 'refused':
          if (effect.fault === 'conflict') this.node.counters.add('key-version-conflict');
          break;
        case 'tagonly':
        case 'gone':
          break;
        default:
          unreachable(effect);
      }
    if (change.removals.length > 0 || change.left) effects.push({ kind: 'persist', what: 'versions' });
    const group = keys.groups().find(({ id }) => id === change.group);
    if (group && spread !== undefined) this.#planMoves(group, spread, now);
    this.handleNewKeys(now);
  }

  /**
   * Keys of the domain, or nothing but peers, came new: what waited for newer keys goes on at once (protocol.md 3.6).
   * `handleKeyChange` includes it; call it alone after a bundle that changed no group.
   */
  handleNewKeys(now: Millis): void {
    const { directory, keys } = this.node;
    if (directory.rebuild(keys.self(), keys.members())) endWithdrawn(this.node, now);
    this.node.claims.look(this.node);
    this.node.negative.clear(() => true); // a peer that had no key in common may have one now
    this.#negotiating.versionsChanged(now);
  }

  /** The server says where a peer is: flows that failed because nobody knew begin again with their next packet. */
  handleEndpoints(peer: NodeId, told: readonly PathAddress[]): void {
    if (this.node.paths.tell(peer, told)) this.#negotiating.tryAgain(peer);
  }

  /** A router says that a datagram of this node was too large for it (protocol.md N6). */
  handleTooBig(quoted: QuotedTooBig, now: Millis): void {
    this.#tooBig.handle(quoted, now);
  }

  /** Forgets all flows, and with `sas` all traffic keys and handshakes; counts what went. */
  flush(sas: boolean, now: Millis): { readonly entries: number; readonly sas: number } {
    const { pit, negative } = this.node;
    let entries = pit.removeOwner(NO_OWNER, 'flushed', now);
    for (const owner of this.node.owners.numbers()) entries += pit.removeOwner(owner, 'flushed', now);
    negative.clear(() => true);
    if (!sas) return { entries, sas: 0 };
    this.#negotiating.dropAll(now);
    return { entries, sas: this.#closeSas(() => true, 'flushed', now) };
  }

  /** The clock jumped or the machine was restored: nothing that stands on time survives (protocol.md 3.4, K4). */
  handleClockJump(now: Millis): void {
    this.#negotiating.dropAll(now);
    this.#closeSas(() => true, 'clock', now);
    this.node.home.doubt();
    this.node.counters.add('clock-jumps');
  }

  /** Orderly end: peers are told that the SAs are gone (protocol.md 5.3). */
  shutDown(now: Millis): void {
    const { sas } = this.node;
    // every one: the peer would go on with an older SA that it may still send on
    for (const sa of [...sas.sas()]) this.#keeper.seal(sa, encodeControl({ kind: 'close-sa' }), now);
    this.#closeSas(() => true, 'flushed', now);
    this.reach.shutDown(now);
  }

  /** Measures a round trip inside the SA; false when there is none yet, and then one is negotiated. */
  ping(peer: NodeId, token: Uint8Array, now: Millis): boolean {
    const path = this.node.paths.peer(peer).current;
    if (path !== undefined && this.#keeper.challenge(peer, path, token, now)) return true;
    this.#negotiating.startPair(peer, now);
    return false;
  }

  traffic(peer: NodeId): { readonly rxBytes: number; readonly txBytes: number } {
    let { rxBytes, txBytes } = this.node.trafficOf(peer);
    for (const sa of this.node.sas.sas()) {
      if (sa.peer !== peer) continue;
      const live = this.#keeper.traffic(sa);
      rxBytes += live.rxBytes;
      txBytes += live.txBytes;
    }
    return { rxBytes, txBytes };
  }

  get halfOpen(): number {
    return this.#negotiating.open;
  }

  /** REMOVE in one step: half-opens, SAs and entries of (x, g); other groups of x remain (protocol.md 10.3, V3). */
  #cutOff(group: GroupId, node: NodeId, now: Millis): void {
    const { owners, pit } = this.node;
    this.#negotiating.removeMember(group, node, now);
    this.#closeSas((sa) => sa.peer === node && sa.group === group, 'removed', now);
    for (const owner of owners.numbersOf(node, group)) pit.removeOwner(owner, 'owner-removed', now);
    this.node.log('info', 'member-removed', { group: this.node.keys.groupName(group), node: this.node.peerName(node) });
  }

  /** A peer handed a REMOVE on (protocol.md 5.3): what is no news ends here. */
  #signedRemove(group: GroupId, entry: Uint8Array, now: Millis): void {
    const change = this.node.keys.signedRemove(group, entry);
    if (change) this.handleKeyChange(change, now);
    else this.node.counters.add('signed-remove-ignored');
  }

  /** News go once to every peer of the group that has an SA, however they came (protocol.md 10.3). */
  #handOn(group: GroupId, removals: readonly Uint8Array[], now: Millis): void {
    const { sas } = this.node;
    for (const entry of removals)
      for (const sa of [...sas.sas()])
        if (sa.group === group && sas.isSender(sa))
          this.#keeper.seal(sa, encodeControl({ kind: 'signed-remove', entry }), now);
  }

  /** SAs of replaced versions that no chain keeps, also those that were negotiated while the key rolled, are to be followed by others. */
  #planMoves(group: GroupView, spread: number, now: Millis): void {
    const current = currentOf(group);
    if (current === undefined) return;
    const { sas } = this.node;
    const old = [...sas.sas()].filter((sa) => sa.group === group.id && sas.isSender(sa) && mustMove(group, sa));
    this.#migrations.plan(current.v, spread, old, now);
  }

  /** Make before break: the old SA lives on to its cap (protocol.md 10.2). */
  #migrate(now: Millis): void {
    for (const sa of this.#migrations.due((owner) => this.#toMove(owner), now))
      this.#negotiating.startForPair(sa, 'migrate', now);
  }

  #toMove(owner: number): Sa | undefined {
    const { sas, keys } = this.node;
    const sender = sas.sender(owner);
    const group = sender && keys.groups().find(({ id }) => id === sender.group);
    if (!sender || !group || !mustMove(group, sender)) return undefined;
    return isDeserted(this.node, sender) ? undefined : sender;
  }

  /** The process was stopped while the machine went on: what waited for it may leave by paths that are gone (protocol.md 6.7). */
  #noticeStandstill(now: Millis): void {
    if (now - this.#tickedAt < STANDSTILL) return;
    this.#tickedAt = now;
    this.node.paths.doubt(now);
    this.node.counters.add('standstills');
  }

  #closeSas(select: (sa: Sa) => boolean, cause: SaCloseCause, now: Millis): number {
    const effects = this.node.sas.closeWhere(select, cause);
    this.#keeper.apply(effects, now);
    return effects.length;
  }
}
