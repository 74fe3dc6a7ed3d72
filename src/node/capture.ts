import type { CaptureAnswer } from '../api/questions.ts';
import type { NodeId } from '../base/brands.ts';
import { padAddress } from '../base/ip-address.ts';
import { PACKET, RECORD_ROW, RUN, RUN_KIND } from '../base/primitives.ts';
import type { ControlReply } from './control-socket.ts';
import type { Engine } from './engine.ts';
import type { PacketIo, PacketPolicy } from './packet-io.ts';

/** What of a packet is told at most, and bytes that may wait for whoever reads; what comes beyond is counted and not told. */
const SNAP = 65_535;
const BACKLOG = 4 << 19;

/** One capture that is under way. */
interface Running {
  readonly peer: NodeId;
  readonly reply: ControlReply;
  /** packets and their bytes that may still be told */
  bytesLeft: number;
  missed: number;
}

/** What carries single packets, which no batch holds. */
export type CapturedIo = Pick<PacketIo, 'send' | 'sendRun' | 'sealAndSend' | 'deliver'>;

/**
 * Inner packets of one peer for `gscip debug capture`. While nothing is captured the packet path calls the engine as if this were not
 * there: the functions of the policy are exchanged when a capture begins and ends.
 */
export class Capture {
  readonly #engine: Engine;
  #plain: PacketPolicy | undefined;
  #policy: { -readonly [K in keyof PacketPolicy]: PacketPolicy[K] } | undefined;
  #running: Running | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The policy that the packet path is to call. */
  policy(plain: PacketPolicy): PacketPolicy {
    this.#plain = plain;
    this.#policy = { ...plain };
    return this.#policy;
  }

  /** The same ways, by which single packets are told, too. */
  io(io: PacketIo): CapturedIo {
    return {
      send: (...datagram) => io.send(...datagram),
      sendRun: (...run) => io.sendRun(...run),
      sealAndSend: (packet, sa) => {
        io.sealAndSend(packet, sa);
        if (this.#running && this.#isOf(sa, this.#running)) this.#tell(packet.bytes, 'out');
      },
      deliver: (packet, partialChecksum) => {
        io.deliver(packet, partialChecksum);
        if (this.#running && this.#sender(packet) === this.#running.peer) this.#tell(packet, 'in');
      },
    };
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Tells `reply` every packet until it goes, `end` is called, or so many bytes were told. Settles when it is over. */
  begin(peer: NodeId, mostBytes: number, reply: ControlReply): Promise<undefined> {
    this.#running = { peer, reply, bytesLeft: mostBytes, missed: 0 };
    this.#engine.node.pit.keepShut(true);
    reply.onClose(() => {
      if (this.#running?.reply === reply) this.#stop();
    });
    this.#engine.node.riding = (to, packet) => {
      if (to === peer) this.#tell(packet, 'out');
    };
    const [policy, plain] = [this.#policy, this.#plain];
    if (!policy || !plain) return reply.closed;
    policy.outgoing = (arena, view, packets, count) => {
      plain.outgoing(arena, view, packets, count);
      this.#sent(arena, packets, count);
    };
    policy.incoming = (arena, view, messages, records, runs, count) => {
      plain.incoming(arena, view, messages, records, runs, count);
      this.#received(arena, records, runs, count);
    };
    return reply.closed;
  }

  /** Ends what is under way, and tells why. */
  end(cause: 'time' | 'size' | 'agent-stopped'): void {
    const running = this.#running;
    if (!running) return;
    this.#stop();
    running.reply.send({ schema: 1, end: cause, missed: running.missed } satisfies CaptureAnswer);
    running.reply.end();
  }

  #stop(): void {
    this.#running = undefined;
    this.#engine.node.pit.keepShut(false);
    this.#engine.node.riding = null;
    if (this.#policy && this.#plain) Object.assign(this.#policy, this.#plain);
  }

  #sent(arena: Uint8Array, packets: Int32Array, count: number): void {
    for (let at = 0; at < count * PACKET.stride; at += PACKET.stride) {
      const sa = packets[at + PACKET.sa];
      if (sa === 0 || !this.#running || !this.#isOf(sa, this.#running)) continue;
      const offset = packets[at + PACKET.offset];
      this.#tell(arena.subarray(offset, offset + packets[at + PACKET.length]), 'out');
    }
  }

  #received(arena: Uint8Array, records: Int32Array, runs: Int32Array, count: number): void {
    for (let at = 0; at < count * RUN.stride; at += RUN.stride) {
      if (runs[at + RUN.kind] !== RUN_KIND.packets || runs[at + RUN.verdict] === 0) continue;
      if (!this.#running || !this.#isOf(runs[at + RUN.sa], this.#running)) continue;
      const first = runs[at + RUN.firstRecord];
      for (let record = first; record < first + runs[at + RUN.count]; record++) {
        const offset = records[record * RECORD_ROW.stride + RECORD_ROW.offset];
        this.#tell(arena.subarray(offset, offset + records[record * RECORD_ROW.stride + RECORD_ROW.length]), 'in');
      }
    }
  }

  #isOf(sa: number, { peer }: Running): boolean {
    const { sas, owners } = this.#engine.node;
    const owner = sas.ownerOfSlot[(sa >>> 3) & 0xffff];
    return owner >= 0 && owners.owner(owner)?.peer === peer;
  }

  /** Who sent a packet that came inside a control record: whose its source address is. */
  #sender(packet: Uint8Array): NodeId | undefined {
    const isV4 = packet[0] >>> 4 === 4;
    const source = isV4 ? packet.subarray(12, 16) : packet.subarray(8, 24);
    return packet.length < 40 && !isV4 ? undefined : this.#engine.node.directory.at(padAddress(source))?.id;
  }

  #tell(packet: Uint8Array, direction: 'in' | 'out'): void {
    const running = this.#running;
    if (!running) return;
    if (running.reply.waiting > BACKLOG) {
      running.missed += 1;
      return;
    }
    const kept = packet.subarray(0, SNAP);
    running.bytesLeft -= kept.length;
    if (running.bytesLeft < 0) return this.end('size');
    const bytes = Buffer.from(kept).toString('base64');
    running.reply.send({ schema: 1, at: Date.now(), direction, length: packet.length, bytes } satisfies CaptureAnswer);
  }
}
