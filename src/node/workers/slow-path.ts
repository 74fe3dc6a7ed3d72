import { MESSAGE, PACKET, RECORD_ROW, RUN } from '../../base/primitives.ts';
import type { Addon, TunDevice, UdpSocket } from '../../native/addon.ts';
import { MESSAGE_ROWS, RECORDS, TUN_BATCH } from '../batch-sizes.ts';
import type { PacketPolicy } from '../packet-io.ts';
import { HANDED, MESSAGE_HEAD, PACKET_HEAD, RUN_HEAD } from './hand-over.ts';
import { type RingMemory, RingReader } from './ring.ts';

/** The devices of the main thread. */
export interface MainDevices {
  readonly tun: TunDevice;
  readonly udp: UdpSocket;
}

/** The main thread's side of a ring: what a worker handed over goes the usual way, in place, and in its order. */
export class SlowPath {
  readonly #addon: Addon;
  readonly #devices: MainDevices;
  readonly #ring: RingReader;
  readonly #packets = new Int32Array(TUN_BATCH * PACKET.stride);
  readonly #messages = new Int32Array(MESSAGE_ROWS * MESSAGE.stride);
  readonly #records = new Int32Array(RECORDS * RECORD_ROW.stride);
  readonly #runs = new Int32Array(RECORDS * RUN.stride);

  constructor(addon: Addon, devices: MainDevices, ring: RingMemory) {
    this.#addon = addon;
    this.#devices = devices;
    this.#ring = new RingReader(ring);
  }

  /** Works through up to `batches` of what waits; true when more does. */
  drain(policy: PacketPolicy, batches: number): boolean {
    const ring = this.#ring;
    ring.handleWake();
    for (let batch = 0; batch < batches; batch++) {
      const kind = ring.peek();
      if (kind === 0) return false;
      if (kind === HANDED.packet) this.#outgoing(policy);
      else if (kind === HANDED.message) this.#message(policy, ring.take());
      else this.#run(policy, ring.take());
      policy.afterBatch();
      ring.release();
    }
    return true;
  }

  #outgoing(policy: PacketPolicy): void {
    const ring = this.#ring;
    let count = 0;
    while (count < TUN_BATCH && ring.peek() === HANDED.packet) {
      const at = ring.take();
      const row = count++ * PACKET.stride;
      this.#packets.set(ring.words.subarray(at >> 2, (at >> 2) + PACKET.stride), row);
      this.#packets[row + PACKET.offset] = at + PACKET_HEAD;
    }
    policy.outgoing(ring.bytes, ring.view, this.#packets, count);
    this.#addon.sealAndSend(this.#devices.udp.fd, ring.bytes, this.#packets, count);
  }

  #message(policy: PacketPolicy, at: number): void {
    const { bytes, words } = this.#ring;
    this.#messages.set(words.subarray(at >> 2, (at >> 2) + MESSAGE.stride));
    this.#messages[MESSAGE.offset] = at + MESSAGE_HEAD;
    const rows = policy.frames(bytes, this.#messages, 1);
    const count = this.#addon.openBatch(bytes, this.#messages, rows, this.#records, this.#runs);
    this.#opened(policy, count);
  }

  #run(policy: PacketPolicy, at: number): void {
    const { words } = this.#ring;
    const runAt = (at + MESSAGE_HEAD) >> 2;
    const recordsAt = (at + RUN_HEAD) >> 2;
    this.#messages.set(words.subarray(at >> 2, (at >> 2) + MESSAGE.stride));
    this.#runs.set(words.subarray(runAt, runAt + RUN.stride));
    this.#runs[RUN.firstRecord] = 0;
    this.#runs[RUN.message] = 0;
    this.#records.set(words.subarray(recordsAt, recordsAt + this.#runs[RUN.count] * RECORD_ROW.stride));
    this.#opened(policy, 1);
  }

  #opened(policy: PacketPolicy, count: number): void {
    const { bytes, view } = this.#ring;
    policy.incoming(bytes, view, this.#messages, this.#records, this.#runs, count);
    const { fd, vnet } = this.#devices.tun;
    this.#addon.deliver(fd, vnet, bytes, this.#records, this.#runs, count);
  }
}
