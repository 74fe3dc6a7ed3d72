import type { Millis, NodeId } from '../base/brands.ts';
import { FLOW, FLOW_STATUS_NAMES } from '../base/flow-words.ts';
import { headerAddresses } from '../base/header-addresses.ts';
import type { LogFields } from '../base/log.ts';
import type { PacketPrimitives } from '../base/primitives.ts';
import { sharedInt32 } from '../base/shared-arrays.ts';
import type { NegotiationSettings } from '../dprp/negotiation-deps.ts';
import { SaSet } from '../pccom/sa-set.ts';
import { PitExpiry } from '../pit/expire.ts';
import { Fragments } from '../pit/fragments.ts';
import { PitGate } from '../pit/gate.ts';
import { Held } from '../pit/held.ts';
import { Negative } from '../pit/negative.ts';
import { Owners } from '../pit/owners.ts';
import type { PitLimits } from '../pit/quota.ts';
import { Pit } from '../pit/table.ts';
import { Counters } from './counters.ts';
import { Directory } from './directory.ts';
import { Home } from './home.ts';
import { Incidents } from './incidents.ts';
import type { KeyStore } from './key-store.ts';
import { ClaimWatch } from './network-claims.ts';
import type { NodeEffect } from './node-effects.ts';
import { PathElements } from './path-elements.ts';
import { PathMtus } from './path-mtus.ts';
import { PathBook } from './paths.ts';
import { Roaming } from './roaming.ts';
import { SaFacts } from './sa-facts.ts';

export interface EngineSettings extends NegotiationSettings {
  /** most entries of the PIT */
  readonly pitCapacity: number;
  readonly pitLimits: PitLimits;
  /** 16-byte blocks plus packets under one key after which it is changed, at most the soft limit (protocol.md 4.2) */
  readonly rekeyVolume: number;
  /** replay window in bits: 8,192 or 65,536 (protocol.md 4.2) */
  readonly windowBits: number;
  /** whether other threads share its tables */
  readonly hasWorkers?: boolean;
}

/** Every part of a node, joined; the functions of this folder work on it. */
export class NodeState {
  readonly primitives: PacketPrimitives;
  readonly random: (length: number) => Uint8Array;
  readonly settings: EngineSettings;
  readonly keys: KeyStore;
  readonly directory = new Directory();
  readonly counters = new Counters();
  readonly incidents = new Incidents();
  readonly claims = new ClaimWatch();
  readonly owners = new Owners();
  readonly pit: Pit;
  readonly expiry: PitExpiry;
  readonly held = new Held();
  readonly negative = new Negative();
  readonly fragments = new Fragments();
  readonly sas: SaSet;
  /** by SA slot: the path slot that it sends on */
  readonly pathOfSlot = sharedInt32(65_536);
  readonly saFacts = new SaFacts();
  readonly paths: PathBook;
  readonly mtus: PathMtus;
  readonly elements = new PathElements();
  readonly home = new Home();
  readonly roaming: Roaming;
  /** bytes received and sent by peers, kept over the end of an SA */
  readonly traffic = new Map<NodeId, PeerTraffic>();
  readonly effects: NodeEffect[] = [];
  /** hears of packets that leave behind the MPIT of their flow, while somebody captures */
  riding: ((peer: NodeId, packet: Uint8Array) => void) | null = null;
  /** the flow being looked at */
  readonly flow = new Int32Array(FLOW.stride);

  constructor(
    primitives: PacketPrimitives,
    random: (length: number) => Uint8Array,
    settings: EngineSettings,
    keys: KeyStore,
  ) {
    this.primitives = primitives;
    this.random = random;
    this.settings = settings;
    this.keys = keys;
    const seed = new DataView(random(8).buffer);
    this.pit = new Pit({
      capacity: settings.pitCapacity,
      seed: { low: seed.getInt32(0), high: seed.getInt32(4) },
      owners: this.owners,
      limits: settings.pitLimits,
      ...(settings.hasWorkers === true && { gate: new PitGate(settings.pitCapacity) }),
    });
    this.expiry = new PitExpiry(this.pit);
    this.sas = new SaSet(
      () => new DataView(random(4).buffer).getUint32(0) / 2 ** 32,
      (peer, group, chain) => this.owners.number({ peer, group, chain }),
    );
    this.paths = new PathBook(primitives);
    this.mtus = new PathMtus(random, settings.mtu);
    this.roaming = new Roaming(random);
    this.directory.rebuild(keys.self(), keys.members());
  }

  /** A packet that is dropped before its flow is looked up; its addresses are remembered where it has any. */
  countStatus(status: number, view: DataView, offset: number, length: number, now: Millis): void {
    if (headerAddresses(view, offset, length, this.flow)) this.incident(FLOW_STATUS_NAMES[status], now);
    else this.counters.add(FLOW_STATUS_NAMES[status]);
  }

  /** Something befell a packet between the addresses of `flow` that no PIT entry shows: counted, and remembered for `explain`. */
  incident(counter: string, now: Millis, flow = this.flow): void {
    this.counters.add(counter);
    this.incidents.note(counter, flow, now);
  }

  peerName(peer: NodeId): string {
    return this.directory.member(peer)?.name ?? peer;
  }

  log(level: 'info' | 'warn', event: string, fields: LogFields): void {
    this.effects.push({ kind: 'log', level, event, fields });
  }

  trafficOf(peer: NodeId): PeerTraffic {
    const known = this.traffic.get(peer);
    if (known) return known;
    const made = { rxBytes: 0, txBytes: 0 };
    this.traffic.set(peer, made);
    return made;
  }
}

export interface PeerTraffic {
  rxBytes: number;
  txBytes: number;
}
