import { spawnSync } from 'node:child_process';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { close, read, writeSync } from 'node:fs';
import { GscipError } from '../base/errors.ts';
import { parseFlow } from '../base/flow.ts';
import { FLOW } from '../base/flow-words.ts';
import { formatAddress, parseAddress } from '../base/ip-address.ts';
import type { PathAddress } from '../base/path-address.ts';
import {
  MESSAGE,
  PACKET,
  type PacketPrimitives,
  PRIMITIVE_COUNTERS,
  RECORD_ROW,
  RUN,
  RUN_KIND,
  SEND,
} from '../base/primitives.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import type { IoFacts, IoTimes, PacketIo, PacketPolicy, WaitingPacket, WorkerFigures } from './packet-io.ts';
import { knownPath } from './path-cache.ts';

const ARENA = 128 * 1024;
const SENDS = 64;
const PIECE_HEAD = 4;
const SEND_FAILED = PRIMITIVE_COUNTERS.indexOf('send-failed');
/** Asked of the kernel for either direction of the socket; it gives what net.core allows. */
const SOCKET_BUFFER = 4 << 20;

/**
 * The packet path without the addon: one packet at a time over a TUN file that was opened before this process began
 * (scripts/tun-inherit.pl) and a socket of node:dgram. Slow, and said to be so in `status`.
 */
export class ScriptIo implements PacketIo {
  readonly primitives: PacketPrimitives;
  readonly provider = nodeProvider;
  readonly #tunFd: number;
  readonly #tunName: string;
  readonly #reason: string;
  readonly #socket: Socket;
  readonly #family: 4 | 6;
  /** by path slot: where its datagrams go */
  readonly #destinations: (path: number) => PathAddress | undefined;
  readonly #arena = new Uint8Array(ARENA);
  readonly #view = new DataView(this.#arena.buffer);
  readonly #tunBuffer = new Uint8Array(65_536);
  readonly #packet = new Int32Array(PACKET.stride);
  readonly #out = new Uint8Array(2 * ARENA);
  readonly #sends = new Int32Array(SENDS * SEND.stride);
  readonly #message = new Int32Array(MESSAGE.stride);
  readonly #records = new Int32Array(8 * RECORD_ROW.stride);
  readonly #runs = new Int32Array(8 * RUN.stride);
  readonly #flow = new Int32Array(FLOW.stride);
  #stopped = false;
  #primitiveMs = 0;
  #policyMs = 0;
  #batches = 0;

  private constructor(
    primitives: PacketPrimitives,
    tun: { readonly fd: number; readonly name: string; readonly reason: string },
    socket: Socket,
    destinations: (path: number) => PathAddress | undefined,
  ) {
    this.primitives = primitives;
    this.#tunFd = tun.fd;
    this.#tunName = tun.name;
    this.#reason = tun.reason;
    this.#socket = socket;
    this.#family = socket.address().family === 'IPv4' ? 4 : 6;
    this.#destinations = destinations;
  }

  /** Binds the socket; `reason` says why the addon is not there, `destinations` looks a path slot up. */
  static async open(
    primitives: PacketPrimitives,
    tun: { readonly fd: number; readonly name: string; readonly reason: string },
    listen: { readonly address: string | undefined; readonly port: number },
    destinations: (path: number) => PathAddress | undefined,
  ): Promise<ScriptIo> {
    const { address, port } = listen;
    const socket = await (address === undefined
      ? bindAll(port)
      : bind(address, port, address.includes(':') ? 'udp6' : 'udp4'));
    return new ScriptIo(primitives, tun, socket, destinations);
  }

  facts(): IoFacts {
    return {
      primitives: 'typescript',
      tun: { name: this.#tunName, vnetHeader: false, tso: false, uso: false },
      udp: { port: this.#socket.address().port, family: this.#family, gso: false, gro: false },
      fallbacks: [`no-addon (${this.#reason})`],
      workers: 1,
      lanes: 1,
    };
  }

  workers(): readonly WorkerFigures[] {
    return [];
  }

  times(): IoTimes {
    return { primitives: this.#primitiveMs / 1000, policy: this.#policyMs / 1000, batches: this.#batches };
  }

  start(policy: PacketPolicy): void {
    this.#socket.on('message', (bytes, from) => this.#received(bytes, from, policy));
    this.#readTun(policy);
  }

  /** Refusals come later, by callback: only those of a closed socket or a wrong family are known at once. */
  send(bytes: Uint8Array, to: PathAddress): boolean {
    const { family, address: number, port } = knownPath(to);
    if (this.#stopped || (family === 6 && this.#family === 4)) return false;
    const address = formatAddress(number);
    const mapped = family === 4 && this.#family === 6 ? `::ffff:${address}` : address;
    this.#socket.send(bytes, port, mapped, (error) => {
      if (error) this.primitives.counters()[SEND_FAILED] += 1;
    });
    return true;
  }

  sendRun(bytes: Uint8Array, segment: number, to: PathAddress): boolean {
    for (let at = 0; at < bytes.length; at += segment) this.send(bytes.slice(at, at + segment), to);
    return true;
  }

  sealAndSend(packet: WaitingPacket, sa: number): void {
    this.#arena.set(packet.bytes);
    const row = this.#packet;
    row[PACKET.offset] = 0;
    row[PACKET.length] = packet.bytes.length;
    row[PACKET.kind] = packet.kind;
    row[PACKET.gsoSize] = packet.gsoSize;
    row[PACKET.headerLength] = packet.headerLength;
    row[PACKET.l4Offset] = packet.l4Offset;
    row[PACKET.sa] = sa;
    this.#sealAndSend();
  }

  deliver(packet: Uint8Array, partialChecksum: boolean): void {
    this.#arena.set(packet, 0);
    this.#records[RECORD_ROW.offset] = 0;
    this.#records[RECORD_ROW.length] = packet.length;
    this.#records[RECORD_ROW.flags] = partialChecksum ? 1 : 0;
    this.#runs.fill(0, 0, RUN.stride);
    this.#runs[RUN.count] = 1;
    this.#runs[RUN.kind] = RUN_KIND.packets;
    this.#runs[RUN.verdict] = 1;
    this.#deliver(1);
  }

  /** The device goes first: a read that waits for a packet would hold the end of the process up. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#socket.close();
    spawnSync('ip', ['link', 'del', 'dev', this.#tunName], { stdio: 'ignore', timeout: 5_000 });
    close(this.#tunFd, () => undefined);
  }

  #readTun(policy: PacketPolicy): void {
    if (this.#stopped) return;
    read(this.#tunFd, this.#tunBuffer, 0, this.#tunBuffer.length, null, (error, length) => {
      if (this.#stopped) return;
      if (error)
        throw new GscipError('packet-io', `the packet path was cut off: ${error.code}`, 'start the agent again', error);
      if (length > 0) this.#fromTun(length, policy);
      this.#readTun(policy);
    });
  }

  #fromTun(length: number, policy: PacketPolicy): void {
    const begin = performance.now();
    this.#arena.set(this.#tunBuffer.subarray(0, length));
    const row = this.#packet.fill(0);
    row[PACKET.length] = length;
    row[PACKET.segments] = 1;
    if (parseFlow(this.#view, 0, length, this.#flow) === 0) row[PACKET.l4Offset] = this.#flow[FLOW.l4Offset];
    policy.outgoing(this.#arena, this.#view, row, 1);
    const decided = performance.now();
    this.#sealAndSend();
    this.#account(performance.now() - decided, decided - begin);
    policy.afterBatch();
  }

  #sealAndSend(): void {
    const count = this.primitives.sealBatch(this.#arena, this.#packet, 1, this.#out, this.#sends);
    for (let row = 0; row < count; row++) {
      const at = row * SEND.stride;
      const to = this.#destinations(this.#sends[at + SEND.path]);
      const end = this.#sends[at + SEND.offset] + this.#sends[at + SEND.length];
      const step = this.#sends[at + SEND.segment];
      // The socket keeps the bytes until they are sent, so each datagram is a copy.
      for (let from = this.#sends[at + SEND.offset]; to !== undefined && from < end; from += step)
        this.send(this.#out.slice(from, Math.min(from + step, end)), to);
    }
  }

  #received(bytes: Uint8Array, from: RemoteInfo, policy: PacketPolicy): void {
    const address = parseAddress(from.address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, ''));
    if (!address) return;
    const begin = performance.now();
    this.#arena.set(bytes);
    const memory = new Int32Array(4);
    new Uint8Array(memory.buffer).set(address);
    const row = this.#message.fill(0);
    row[MESSAGE.length] = bytes.length;
    row[MESSAGE.segment] = bytes.length;
    row[MESSAGE.family] = address.length === 4 ? 4 : 6;
    row.set(memory, MESSAGE.address);
    row[MESSAGE.port] = from.port;
    const rows = policy.frames(this.#arena, row, 1);
    const runs = this.primitives.openBatch(this.#arena, row, rows, this.#records, this.#runs);
    const opened = performance.now();
    policy.incoming(this.#arena, this.#view, row, this.#records, this.#runs, runs);
    const decided = performance.now();
    this.#deliver(runs);
    this.#account(opened - begin + (performance.now() - decided), decided - opened);
    policy.afterBatch();
  }

  #deliver(runs: number): void {
    const used = this.primitives.coalesceBatch(this.#arena, this.#records, this.#runs, runs, false, this.#out);
    const view = new DataView(this.#out.buffer);
    for (let at = 0; at < used; ) {
      const length = view.getUint32(at, true);
      try {
        writeSync(this.#tunFd, this.#out, at + PIECE_HEAD, length);
      } catch {
        // the device is down: a packet is lost as on any link that is down
      }
      at += PIECE_HEAD + length;
    }
  }

  #account(primitives: number, policy: number): void {
    this.#primitiveMs += primitives;
    this.#policyMs += policy;
    this.#batches += 1;
  }
}

/** All addresses of both families where none is named; of IPv4 alone where the kernel has no IPv6. */
async function bindAll(port: number): Promise<Socket> {
  try {
    return await bind('::', port, 'udp6');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAFNOSUPPORT')
      return bind('0.0.0.0', port, 'udp4');
    throw error;
  }
}

function bind(address: string, port: number, type: 'udp4' | 'udp6'): Promise<Socket> {
  const socket = createSocket({
    type,
    recvBufferSize: SOCKET_BUFFER,
    sendBufferSize: SOCKET_BUFFER,
    // All addresses are numbers here; answered at once, a datagram has left before a socket that is closed next.
    lookup: (host, _, done) => done(null, host, type === 'udp4' ? 4 : 6),
  });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address }, () => {
      // A refusal that belongs to no send, such as that of a port which an answer said is closed.
      socket.removeAllListeners('error').on('error', () => undefined);
      resolve(socket);
    });
  });
}
