import type { GroupId, Millis, NodeId } from '../base/brands.ts';
import { reverseCid } from '../base/cid.ts';
import { parseFlow } from '../base/flow.ts';
import { cidOfWords, wordsOfCid } from '../base/flow-cid.ts';
import { FLOW, FLOW_FLAG } from '../base/flow-words.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import type { CdnStatus } from '../dprp/constants.ts';
import { type ControlRecord, decodeControl, encodeControl } from '../dprp/control-record.ts';
import { NoEntryLimit } from '../dprp/no-entry-limit.ts';
import { innerMtu, type MtuProbe, type PathShape } from '../nat/mtu-search.ts';
import { type Sa, slotOf } from '../pccom/sa.ts';
import { PIT_ACTION, PUT_FAULT } from '../pit/terms.ts';
import { type FlowControl, flowName } from './flow-control.ts';
import type { NodeState } from './node-state.ts';
import { Oversize, SYN } from './oversize.ts';
import { passFragment } from './pass-fragment.ts';
import type { Reach } from './reach/reach.ts';
import { reasonNumber } from './reasons.ts';
import { ridesWell } from './riding-packet.ts';
import type { RoamingEffect } from './roaming.ts';
import type { SaKeeper } from './sa-keeper.ts';

/** A PATH-CHALLENGE without padding (protocol.md 1.2). */
const CHALLENGE_BYTES = 11;

type FlowMpit = Extract<ControlRecord, { kind: 'mpit' }>;

/** Control inside an SA as it comes in (protocol.md 5.3); nothing of it ever reaches TUN but the packet behind an MPIT. */
export class ControlRecords {
  readonly #node: NodeState;
  readonly #keeper: SaKeeper;
  readonly #flows: FlowControl;
  readonly #reach: Reach;
  readonly #limit = new NoEntryLimit();
  readonly #oversize: Oversize;
  readonly #signedRemove: (group: GroupId, entry: Uint8Array, now: Millis) => void;

  constructor(
    node: NodeState,
    keeper: SaKeeper,
    flows: FlowControl,
    reach: Reach,
    signedRemove: (group: GroupId, entry: Uint8Array, now: Millis) => void,
  ) {
    this.#node = node;
    this.#keeper = keeper;
    this.#flows = flows;
    this.#reach = reach;
    this.#signedRemove = signedRemove;
    this.#oversize = new Oversize(node);
  }

  /** One opened record that is neither empty nor an IP packet. */
  handleRecord(bytes: Uint8Array, sa: Sa, from: PathAddress, now: Millis): void {
    const record = decodeControl(bytes);
    if (typeof record === 'string') this.#node.counters.add(`control-${record}`);
    else this.#handle(record, sa, from, now);
  }

  /** Authentic data without an entry: the sender is told, within limits (protocol.md 5.3). */
  noEntry(sa: Sa, now: Millis): void {
    const { counters, flow } = this.#node;
    counters.add('no-entry');
    const cid = cidOfWords(flow);
    if (this.#limit.take(sa.local, flowName(cid), now))
      this.#keeper.seal(sa, encodeControl({ kind: 'no-entry', cid }), now);
  }

  /** An authentic, newest datagram from an unknown source (protocol.md 6.2). */
  newSource(sa: Sa, source: PathAddress, now: Millis): void {
    const { paths, roaming } = this.#node;
    if (this.#reach.isOn) return this.#reach.handleNewSource(sa.peer, source, now);
    const { current } = paths.peer(sa.peer);
    // late, by the way that was left
    if (!this.#keeper.carries(sa.peer, source)) return;
    if (current !== undefined && current !== source)
      this.applyRoaming(roaming.handleNewSource(sa.peer, source, current, now), now);
  }

  applyRoaming(effects: readonly RoamingEffect[], now: Millis): void {
    const { paths, counters } = this.#node;
    for (const effect of effects) {
      if (effect.kind === 'move') {
        paths.believe(effect.peer, effect.path);
        counters.add('paths-moved');
        this.#node.log('info', 'path-moved', { peer: this.#node.peerName(effect.peer), path: effect.path });
        continue;
      }
      this.#keeper.challenge(effect.peer, effect.path, effect.nonce, now);
    }
  }

  /** The search for the MTU of each path (protocol.md 6.5). */
  tickMtus(now: Millis): void {
    const { mtus, paths } = this.#node;
    mtus.tick(
      paths,
      (peer, path, probe, shape) => this.#sizeProbe(peer, path, probe, shape, now),
      (packet, mtu) => this.#oversize.tell(packet, mtu, now),
      now,
    );
  }

  #sizeProbe(peer: NodeId, path: PathAddress, probe: MtuProbe, shape: PathShape, now: Millis): boolean {
    const padding = innerMtu(probe.size, shape) - CHALLENGE_BYTES;
    const keeper = this.#keeper;
    return (
      keeper.challenge(peer, path, probe.token, now, padding) && keeper.challenge(peer, path, probe.shortToken, now)
    );
  }

  #handle(record: ControlRecord, sa: Sa, from: PathAddress, now: Millis): void {
    const { pit, roaming, sas, effects, mtus, paths } = this.#node;
    switch (record.kind) {
      case 'mpit':
        return this.#mpit(record, sa, now);
      case 'cdn':
        return this.#flows.handleCdn(sa, record.pitId, record.status, now);
      case 'no-entry':
        return this.#flows.handleNoEntry(sa, record.cid, now);
      case 'close-entry': {
        const id = new DataView(record.pitId.buffer, record.pitId.byteOffset);
        const entry = pit.findPitId(sa.owner, id.getInt32(0), id.getInt32(4));
        if (entry >= 0) pit.remove(entry, 'closed', now);
        return;
      }
      case 'path-challenge':
        return this.#challenged(record.token, sa, from, now);
      case 'path-response':
        if (mtus.handleResponse(paths.peer(sa.peer).slot, record.token, now)) return;
        effects.push({ kind: 'path-response', peer: sa.peer, token: record.token, path: from });
        if (this.#reach.isOn) return this.#reach.handlePathResponse(sa.peer, record.token, now);
        return this.applyRoaming(roaming.handleResponse(sa.peer, record.token, now), now);
      case 'close-sa':
        return this.#keeper.apply(
          sas.closeWhere((other) => other === sa, 'peer-closed'),
          now,
        );
      case 'signed-remove':
        return this.#signedRemove(sa.group, record.entry, now);
      default:
        return unreachable(record);
    }
  }

  /** Back to where the challenge came from (protocol.md 6.2). */
  #challenged(token: Uint8Array, sa: Sa, from: PathAddress, now: Millis): void {
    this.#keeper.seal(sa, encodeControl({ kind: 'path-response', token }), now, from, true);
    if (this.#reach.isOn && from === this.#node.paths.peer(sa.peer).current) this.#reach.handleAnswerSent(sa.peer, now);
  }

  /** The peer opens a flow: the checks of 2.1, an entry, CDN, and the packet that came along. */
  #mpit(record: FlowMpit, sa: Sa, now: Millis): void {
    const { counters } = this.#node;
    const refusal = this.#flows.judge(sa, record.cid, now);
    if (refusal !== undefined || record.action !== 'encrypt') {
      counters.add(`flow-refused-${refusal ?? 'action'}`);
      // no hint to a liar; a member whose version is old learns by a full DPRP what it lacks (protocol.md 5.3)
      if (refusal === 'version-old') this.#answer(record, sa, 'refused', now);
      return;
    }
    const status = this.#enter(record, sa, now);
    // the application first: the peer does not wait for CDN, its packet is here
    if (status === 'accepted' && record.packet.length > 0) this.#deliver(record, sa, now);
    this.#answer(record, sa, status, now);
  }

  #answer({ pitId }: FlowMpit, sa: Sa, status: CdnStatus, now: Millis): void {
    const { lifetime } = this.#node.settings;
    this.#keeper.seal(sa, encodeControl({ kind: 'cdn', pitId, status, lifetime }), now);
  }

  /** Idempotent by canonical CID: the same MPIT again, or one crossing our own, gives one entry (protocol.md 5.3). */
  #enter(record: FlowMpit, sa: Sa, now: Millis): 'accepted' | 'full' {
    const { pit, flow, counters } = this.#node;
    wordsOfCid(record.cid, flow);
    const id = new DataView(record.pitId.buffer, record.pitId.byteOffset);
    const values = {
      action: PIT_ACTION.encrypt,
      owner: sa.owner,
      version: sa.version,
      reason: reasonNumber('opened-in-sa-by-peer'),
    };
    const found = pit.find(flow);
    if (found >= 0) {
      const entry = found >> 1;
      if (pit.entries.owner(entry) !== sa.owner || pit.entries.action(entry) !== PIT_ACTION.encrypt)
        pit.reassign(entry, values, now);
      // packets of ours that wait for this flow go to the other end of the peer's CID
      this.#flows.settle(entry, reverseCid(record.cid), record.pitId, now);
      return 'accepted';
    }
    const entry = pit.put(
      flow,
      { ...values, confirmed: true, pitIdHigh: id.getInt32(0), pitIdLow: id.getInt32(4) },
      now,
    );
    if (entry >= 0) return 'accepted';
    counters.add(entry === PUT_FAULT.rate ? 'pit-rate' : 'pit-full');
    return 'full';
  }

  /** The packet must be of the flow that it opens, and pass every check of a data record. */
  #deliver({ packet, cid }: FlowMpit, sa: Sa, now: Millis): void {
    const { flow, pit, effects, counters, fragments, owners } = this.#node;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    const fits = ridesWell(packet) && parseFlow(view, 0, packet.length, flow) === 0;
    // an error about the flow names its CID too, but may be on its way to anybody
    if (!fits || (flow[FLOW.flags] & FLOW_FLAG.icmpError) !== 0) {
      counters.add('bad-riding-packet');
      return;
    }
    const peer = owners.peerOf(sa.owner);
    const fragment = (flow[FLOW.flags] & FLOW_FLAG.fragment) !== 0;
    if (fragment && !passFragment(this.#node, () => packet.slice(), peer, now)) return;
    if (flowName(cidOfWords(flow)) !== flowName(cid)) {
      counters.add('bad-riding-packet');
      return;
    }
    if ((flow[FLOW.tcpFlags] & SYN) !== 0)
      this.#oversize.clampIn(view, 0, false, this.#keeper.pathOfSlot[slotOf(sa.local)], now);
    const found = pit.find(flow);
    if (found >= 0) pit.count(found, 1, packet.length, flow[FLOW.tcpFlags], now);
    effects.push({ kind: 'deliver', packet });
    if ((flow[FLOW.flags] & FLOW_FLAG.firstFragment) !== 0)
      for (const follower of fragments.release(flow, peer)) effects.push({ kind: 'deliver', packet: follower });
  }
}
