import type { PathAddress } from '../base/path-address.ts';
import type { PacketPrimitives } from '../base/primitives.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { NodeState } from './node-state.ts';

/** A packet that waited, with what the packet row said of it (see PACKET). */
export interface WaitingPacket {
  readonly bytes: Uint8Array;
  readonly kind: number;
  readonly gsoSize: number;
  readonly headerLength: number;
  readonly l4Offset: number;
}

/** The node's policy as the packet path calls it: fills `sa` and `verdict`, keeps nothing of the arenas. */
export interface PacketPolicy {
  /** whose tables the workers share */
  readonly node: NodeState;
  /**
   * Takes the frames of relays off received messages before they are opened, and takes out what is not for this node: the
   * number of rows that are left or, where a run was cut, there.
   */
  frames(arena: Uint8Array, messages: Int32Array, count: number): number;
  outgoing(arena: Uint8Array, view: DataView, packets: Int32Array, count: number): void;
  incoming(
    arena: Uint8Array,
    view: DataView,
    messages: Int32Array,
    records: Int32Array,
    runs: Int32Array,
    count: number,
  ): void;
  /** Called after each batch, when its packets have left: carries out what the policy asked for meanwhile. */
  afterBatch(): void;
}

/** What moves the packets and what it could not have (shown by `status`). */
export interface IoFacts {
  readonly primitives: 'addon' | 'typescript';
  readonly tun: { readonly name: string; readonly vnetHeader: boolean; readonly tso: boolean; readonly uso: boolean };
  readonly udp: { readonly port: number; readonly family: 4 | 6; readonly gso: boolean; readonly gro: boolean };
  readonly fallbacks: readonly string[];
  /** threads that move packets; 1 is the main thread alone */
  readonly workers: number;
  /** lanes that SAs may have (protocol.md 5.4) */
  readonly lanes: number;
}

/** What one worker has done so far. */
export interface WorkerFigures {
  /** see WORKER_STATS */
  readonly stats: Float64Array;
  /** what its primitives counted, in the order of PRIMITIVE_COUNTERS */
  readonly counters: Float64Array;
}

/** Seconds spent since the start, for the share of TypeScript in the packet path. */
export interface IoTimes {
  readonly primitives: number;
  readonly policy: number;
  readonly batches: number;
}

/** TUN and UDP in batches: the addon, or Node alone where it cannot be loaded. */
export interface PacketIo {
  readonly primitives: PacketPrimitives;
  /** handshakes by the same means */
  readonly provider: CryptoProvider;
  facts(): IoFacts;
  times(): IoTimes;
  /** Of each thread beside the main one. */
  workers(): readonly WorkerFigures[];
  /** Starts to move packets. */
  start(policy: PacketPolicy): void;
  /** Sends one datagram as it is, to the peer or to the relay that the path names; false when the kernel refused it. */
  send(bytes: Uint8Array, to: PathAddress): boolean;
  /** Sends equal datagrams that lie in a row, the last maybe shorter; false when the kernel refused any. */
  sendRun(bytes: Uint8Array, segment: number, to: PathAddress): boolean;
  /** Seals a packet that waited and sends it on the path of this SA. */
  sealAndSend(packet: WaitingPacket, sa: number): void;
  /** Writes one inner packet to TUN; partialChecksum as in the data header's flag. */
  deliver(packet: Uint8Array, partialChecksum: boolean): void;
  /** Ends all watches and closes the device and the socket; the TUN device goes away with it, when it settles. */
  stop(): Promise<void>;
}
