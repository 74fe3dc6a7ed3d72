import { GscipError } from '../base/errors.ts';
import type { PathAddress } from '../base/path-address.ts';
import { MESSAGE, PACKET, PARTIAL_CHECKSUM_FLAG, RECORD_ROW, RUN, RUN_KIND } from '../base/primitives.ts';
import { RELAY_END, RELAY_RUN } from '../base/relay-primitives.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import {
  type Addon,
  type PollHandle,
  TUN_ARENA_MIN,
  type TunDevice,
  UDP_MESSAGE_STRIDE,
  type UdpSocket,
} from '../native/addon.ts';
import { addonProvider } from './addon-provider.ts';
import { BATCHES, MESSAGE_ROWS, MESSAGES, RECORDS, TUN_ARENA, TUN_BATCH, tunIsEmpty } from './batch-sizes.ts';
import type { IoFacts, IoTimes, PacketIo, PacketPolicy, WaitingPacket, WorkerFigures } from './packet-io.ts';
import { knownPath } from './path-cache.ts';
import { LoopTeam, opening, type WorkerDevices } from './workers/loop-team.ts';

/** How the packet path is divided: who else reads the devices, and what could not be had of it. */
export interface Division {
  readonly workers: readonly WorkerDevices[];
  readonly fallbacks: readonly string[];
}

/** The packet path over the C++ addon: one event loop for both directions, and workers beside it where there are any. */
export class NativeIo implements PacketIo {
  readonly primitives: Addon;
  readonly provider: CryptoProvider;
  readonly #tun: TunDevice;
  readonly #udp: UdpSocket;
  readonly #tunArena = new Uint8Array(TUN_ARENA);
  readonly #tunView = new DataView(this.#tunArena.buffer);
  readonly #packets = new Int32Array(TUN_BATCH * PACKET.stride);
  readonly #udpArena = new Uint8Array(MESSAGES * UDP_MESSAGE_STRIDE);
  readonly #udpView = new DataView(this.#udpArena.buffer);
  readonly #messages = new Int32Array(MESSAGE_ROWS * MESSAGE.stride);
  readonly #records = new Int32Array(RECORDS * RECORD_ROW.stride);
  readonly #runs = new Int32Array(RECORDS * RUN.stride);
  readonly #slowArena = new Uint8Array(TUN_ARENA_MIN);
  readonly #slowPacket = new Int32Array(PACKET.stride);
  readonly #slowRecord = new Int32Array(RECORD_ROW.stride);
  readonly #slowRun = new Int32Array(RUN.stride);
  readonly #run = new Int32Array(RELAY_RUN.stride);
  readonly #end = new Int32Array(RELAY_END.stride);
  readonly #watches: PollHandle[] = [];
  readonly #team: LoopTeam;
  readonly #fallbacks: string[];
  /** a worker alone receives */
  readonly #isSplit: boolean;
  #udpWatch: PollHandle | undefined;
  #primitiveMs = 0;
  #policyMs = 0;
  #batches = 0;
  #stopped = false;

  constructor(addon: Addon, tun: TunDevice, udp: UdpSocket, { workers, fallbacks }: Division) {
    this.primitives = addon;
    this.provider = addonProvider(addon);
    this.#tun = tun;
    this.#udp = udp;
    this.#team = new LoopTeam(addon, { tun, udp }, workers);
    this.#isSplit = workers.some((each) => each.tun === undefined);
    this.#fallbacks = [...fallbacks];
  }

  facts(): IoFacts {
    const { name, vnet, tso, uso } = this.#tun;
    const state = this.primitives.udpState(this.#udp.fd);
    const gso = this.#udp.gso && state.gso;
    const fallbacks = [...this.#fallbacks];
    if (!vnet) fallbacks.push('tun-no-vnet-header');
    if (vnet && !tso) fallbacks.push('tun-no-tso');
    if (vnet && !uso) fallbacks.push('tun-no-uso');
    if (!gso) fallbacks.push('udp-no-gso');
    if (!this.#udp.gro) fallbacks.push('udp-no-gro');
    return {
      primitives: 'addon',
      tun: { name, vnetHeader: vnet, tso, uso },
      udp: { port: this.#udp.port, family: this.#udp.family, gso, gro: this.#udp.gro },
      fallbacks,
      workers: 1 + this.#team.size,
      lanes: this.#team.lanes,
    };
  }

  times(): IoTimes {
    return { primitives: this.#primitiveMs / 1000, policy: this.#policyMs / 1000, batches: this.#batches };
  }

  workers(): readonly WorkerFigures[] {
    return this.#team.figures();
  }

  start(alone: PacketPolicy): void {
    const policy = this.#team.size > 0 ? opening(alone, alone.node) : alone;
    this.#watches.push(this.#watch(this.#tun.fd, () => this.#drainTun(policy)));
    this.#receive(policy);
    this.#team.start(alone.node, policy, {
      ready: () => {
        if (this.#isSplit) this.#endReceiving();
      },
      ended: (why) => {
        if (this.#stopped) return;
        this.#fallbacks.push(`worker-ended (${why})`);
        this.#receive(policy);
      },
    });
  }

  send(bytes: Uint8Array, to: PathAddress): boolean {
    const { address, port } = knownPath(to);
    return this.primitives.udpSend(this.#udp.fd, bytes, address, port) === '';
  }

  sendRun(bytes: Uint8Array, segment: number, to: PathAddress): boolean {
    const { family, address, port } = knownPath(to);
    const end = this.#end;
    end[RELAY_END.family] = family;
    end[RELAY_END.port] = port;
    new Uint8Array(end.buffer).fill(0, 4 * RELAY_END.address, 4 * RELAY_END.port).set(address, 4 * RELAY_END.address);
    const run = this.#run;
    run[RELAY_RUN.offset] = 0;
    run[RELAY_RUN.length] = bytes.length;
    run[RELAY_RUN.segment] = segment;
    run[RELAY_RUN.end] = 0;
    return this.primitives.udpSendRuns(this.#udp.fd, bytes, run, 1, end) === 0;
  }

  sealAndSend(packet: WaitingPacket, sa: number): void {
    const row = this.#slowPacket;
    this.#slowArena.set(packet.bytes);
    row[PACKET.offset] = 0;
    row[PACKET.length] = packet.bytes.length;
    row[PACKET.kind] = packet.kind;
    row[PACKET.gsoSize] = packet.gsoSize;
    row[PACKET.headerLength] = packet.headerLength;
    row[PACKET.l4Offset] = packet.l4Offset;
    row[PACKET.sa] = sa;
    this.primitives.sealAndSend(this.#udp.fd, this.#slowArena, row, 1);
  }

  deliver(packet: Uint8Array, partialChecksum: boolean): void {
    const record = this.#slowRecord;
    const run = this.#slowRun;
    // The vnet header is written elsewhere; the packet keeps 16 bytes of distance to the start of the arena.
    this.#slowArena.set(packet, 16);
    record[RECORD_ROW.offset] = 16;
    record[RECORD_ROW.length] = packet.length;
    record[RECORD_ROW.flags] = partialChecksum ? PARTIAL_CHECKSUM_FLAG : 0;
    run[RUN.count] = 1;
    run[RUN.kind] = RUN_KIND.packets;
    run[RUN.bytes] = packet.length;
    run[RUN.verdict] = 1;
    this.primitives.deliver(this.#tun.fd, this.#tun.vnet, this.#slowArena, record, run, 1);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#endReceiving();
    for (const handle of this.#watches) this.primitives.pollStop(handle);
    await this.#team.stop();
    this.primitives.close(this.#tun.fd);
    this.primitives.close(this.#udp.fd);
  }

  #receive(policy: PacketPolicy): void {
    this.#udpWatch ??= this.#watch(this.#udp.fd, () => this.#drainUdp(policy));
  }

  #endReceiving(): void {
    if (this.#udpWatch !== undefined) this.primitives.pollStop(this.#udpWatch);
    this.#udpWatch = undefined;
  }

  #watch(fd: number, drain: () => void): PollHandle {
    const handle = this.primitives.pollStart(fd, (error) => {
      if (this.#stopped) return;
      if (error !== '')
        throw new GscipError('packet-io', `the packet path was cut off: ${error}`, 'start the agent again');
      drain();
    });
    if (typeof handle === 'string') throw new GscipError('packet-io', `cannot watch the packet path: ${handle}`);
    return handle;
  }

  #drainTun(policy: PacketPolicy): void {
    const { fd, vnet } = this.#tun;
    for (let batch = 0; batch < BATCHES && !this.#stopped; batch++) {
      const begin = performance.now();
      const count = this.primitives.tunReadBatch(fd, vnet, this.#tunArena, this.#packets, TUN_BATCH);
      if (count <= 0) return;
      const read = performance.now();
      policy.outgoing(this.#tunArena, this.#tunView, this.#packets, count);
      const decided = performance.now();
      this.primitives.sealAndSend(this.#udp.fd, this.#tunArena, this.#packets, count);
      const sent = performance.now();
      policy.afterBatch();
      this.#account(read - begin + (sent - decided), decided - read + (performance.now() - sent));
      if (tunIsEmpty(this.#packets, count)) return;
    }
  }

  #drainUdp(policy: PacketPolicy): void {
    for (let batch = 0; batch < BATCHES && !this.#stopped; batch++) {
      const begin = performance.now();
      const count = this.primitives.udpReceiveBatch(this.#udp.fd, this.#udpArena, this.#messages, MESSAGES);
      if (count <= 0) return;
      const rows = policy.frames(this.#udpArena, this.#messages, count);
      const runs = this.primitives.openBatch(this.#udpArena, this.#messages, rows, this.#records, this.#runs);
      const opened = performance.now();
      policy.incoming(this.#udpArena, this.#udpView, this.#messages, this.#records, this.#runs, runs);
      const decided = performance.now();
      this.primitives.deliver(this.#tun.fd, this.#tun.vnet, this.#udpArena, this.#records, this.#runs, runs);
      const delivered = performance.now();
      policy.afterBatch();
      this.#account(opened - begin + (delivered - decided), decided - opened + (performance.now() - delivered));
      if (count < MESSAGES) return;
    }
  }

  #account(primitives: number, policy: number): void {
    this.#primitiveMs += primitives;
    this.#policyMs += policy;
    this.#batches += 1;
  }
}
