// Program for a test: one end of a tunnel with fixed keys and no policy. Prints `ready`; at SIGTERM its devices, states and counters.
import {
  GSO,
  GSO_MASK,
  MESSAGE,
  PACKET,
  PRIMITIVE_COUNTERS,
  RUN,
  RUN_KIND,
  type Suite,
} from '../../src/base/primitives.ts';
import { UDP_MESSAGE_STRIDE } from '../../src/native/addon.ts';
import { needAddon } from './need-addon.ts';

/** How an end of the tunnel is set up, as JSON in the first argument. */
export interface TunnelEnd {
  readonly side: 'a' | 'b';
  /** the other end's underlay address as bytes */
  readonly peer: readonly number[];
  readonly suite: Suite;
  /** super-packets at TUN */
  readonly offload: boolean;
  /** UDP_SEGMENT and UDP_GRO */
  readonly segment: boolean;
  /** bytes in front of each datagram */
  readonly prefix: readonly number[] | null;
}

const PORT = 5555;
const PACKETS = 128;
const MESSAGES = 32;

const end: TunnelEnd = JSON.parse(process.argv[2] ?? '');
const addon = needAddon();
const tun = addon.tunOpen('tun0', { offload: end.offload, multiQueue: false });
const udp = addon.udpOpen({ port: PORT, gro: end.segment, gso: end.segment, reusePort: false });
if (typeof tun === 'string' || typeof udp === 'string') throw new Error(`no device: ${String(tun)} ${String(udp)}`);

const index = addon.saReserve(0x5000_0000);
const keyOf = (side: string) => new Uint8Array(32).fill(side === 'a' ? 1 : 2);
const ivOf = (side: string) => new Uint8Array(12).fill(side === 'a' ? 3 : 4);
const other = end.side === 'a' ? 'b' : 'a';
addon.saInstallTx(index, end.suite, keyOf(end.side), ivOf(end.side), index);
addon.saInstallRx(index, end.suite, keyOf(other), ivOf(other), 8192);
const path = addon.pathReserve();
addon.pathSet(path, Uint8Array.from(end.peer), PORT, end.prefix === null ? null : Uint8Array.from(end.prefix));
addon.saPath(index, path);

const outArena = new Uint8Array(1 << 20);
const packets = new Int32Array(PACKETS * PACKET.stride);
const inArena = new Uint8Array(MESSAGES * UDP_MESSAGE_STRIDE);
const messages = new Int32Array(MESSAGES * MESSAGE.stride);
const records = new Int32Array(MESSAGES * 128 * 4);
const runs = new Int32Array(MESSAGES * 128 * RUN.stride);
const seen = { family: 0, interface: 0, supers: 0, udpSupers: 0, raw: 0 };

function outgoing(): void {
  const count = addon.tunReadBatch(tunFd, vnet, outArena, packets, PACKETS);
  for (let i = 0; i < count; i++) {
    packets[i * PACKET.stride + PACKET.sa] = index;
    if (packets[i * PACKET.stride + PACKET.gsoSize] > 0) seen.supers += 1;
    if ((packets[i * PACKET.stride + PACKET.kind] & GSO_MASK) === GSO.udp) seen.udpSupers += 1;
  }
  if (count > 0) addon.sealAndSend(udpFd, outArena, packets, count);
}

function incoming(): void {
  const count = addon.udpReceiveBatch(udpFd, inArena, messages, MESSAGES);
  for (let i = 0; i < count; i++) messages[i * MESSAGE.stride + MESSAGE.prefix] = end.prefix?.length ?? 0;
  if (count <= 0) return;
  seen.family = messages[MESSAGE.family];
  seen.interface = messages[MESSAGE.interface];
  const found = addon.openBatch(inArena, messages, count, records, runs);
  for (let i = 0; i < found; i++) {
    runs[i * RUN.stride + RUN.verdict] = 1;
    if (runs[i * RUN.stride + RUN.kind] !== RUN_KIND.packets) seen.raw += 1;
  }
  addon.deliver(tunFd, vnet, inArena, records, runs, found);
}

const { fd: tunFd, vnet } = tun;
const { fd: udpFd } = udp;
addon.pollStart(tunFd, outgoing);
addon.pollStart(udpFd, incoming);
process.on('SIGTERM', () => {
  const counters = Object.fromEntries(PRIMITIVE_COUNTERS.map((name, i) => [name, addon.counters()[i]]));
  console.log(JSON.stringify({ tun, udp, state: addon.udpState(udpFd), seen, counters }));
  process.exit(0);
});
console.log('ready');
