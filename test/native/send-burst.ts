// Program for a test: sends one super-packet to itself over the loopback device and prints what came of it.
import { PACKET, PARTIAL_CHECKSUM, PRIMITIVE_COUNTERS, SUITE } from '../../src/base/primitives.ts';
import { UDP_MESSAGE_STRIDE } from '../../src/native/addon.ts';
import { headerBytes, innerPacket, payloadOf } from '../pccom/inner-packet.ts';
import { needAddon } from './need-addon.ts';

const SEGMENTS = 100;
const GSO_SIZE = 500;

const addon = needAddon();
const receiver = addon.udpOpen({ address: '127.0.0.1', port: 0, gro: true, gso: true, reusePort: false });
const sender = addon.udpOpen({ port: 0, gro: false, gso: true, reusePort: false });
if (typeof receiver === 'string' || typeof sender === 'string') throw new Error('no socket');

const index = addon.saReserve(0);
addon.saInstallTx(index, SUITE.aes256gcm, new Uint8Array(32), new Uint8Array(12), index);
addon.saInstallRx(index, SUITE.aes256gcm, new Uint8Array(32), new Uint8Array(12), 8192);
const path = addon.pathReserve();
addon.pathSet(path, Uint8Array.of(127, 0, 0, 1), receiver.port, null);
addon.saPath(index, path);

function sendOne(fd: number): number {
  const fields = { protocol: 'udp', checksum: 'partial', payload: payloadOf(SEGMENTS * GSO_SIZE) } as const;
  const packet = innerPacket(fields);
  const row = new Int32Array(PACKET.stride);
  const headers = headerBytes(fields);
  row.set([0, packet.length, 2 | PARTIAL_CHECKSUM, GSO_SIZE, headers.all, headers.l4, index, SEGMENTS]);
  return addon.sealAndSend(fd, packet, row, 1);
}

const sends = sendOne(sender.fd);
const stateAfter = addon.udpState(sender.fd);
const sendsAgain = sendOne(sender.fd);

const arena = new Uint8Array(64 * UDP_MESSAGE_STRIDE);
const messages = new Int32Array(64 * 12);
const records = new Int32Array(1024 * 4);
const runs = new Int32Array(1024 * 12);
for (let got = addon.udpReceiveBatch(receiver.fd, arena, messages, 64); got > 0; ) {
  addon.openBatch(arena, messages, got, records, runs);
  got = addon.udpReceiveBatch(receiver.fd, arena, messages, 64);
}
const counters = Object.fromEntries(PRIMITIVE_COUNTERS.map((name, i) => [name, addon.counters()[i]]));
console.log(JSON.stringify({ sends, sendsAgain, ...stateAfter, counters }));
