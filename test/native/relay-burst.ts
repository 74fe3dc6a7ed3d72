// Program for a test: sends runs of a relay to two sockets of its own over the loopback device and prints what came of it.
import { MESSAGE, PRIMITIVE_COUNTERS } from '../../src/base/primitives.ts';
import { RELAY_END, RELAY_RUN } from '../../src/base/relay-primitives.ts';
import { UDP_MESSAGE_STRIDE } from '../../src/native/addon.ts';
import { needAddon } from './need-addon.ts';

const SIZE = 500;
/** Datagrams of each run, in turn to the two ends. */
const RUNS = [40, 1, 40, 1, 40, 1];

const addon = needAddon();
const open = (gro: boolean) => {
  const socket = addon.udpOpen({ address: '127.0.0.1', port: 0, gro, gso: true, reusePort: false });
  if (typeof socket === 'string') throw new Error(socket);
  return socket;
};
const [sender, ...receivers] = [open(false), open(true), open(true)];

const ends = new Int32Array(2 * RELAY_END.stride);
receivers.forEach(({ port }, at) => {
  ends.set([4, 0x0100007f, 0, 0, 0, port], at * RELAY_END.stride);
});
const arena = new Uint8Array(RUNS.reduce((sum, count) => sum + count, 0) * SIZE);
const runs = new Int32Array(RUNS.length * RELAY_RUN.stride);
let offset = 0;
RUNS.forEach((count, at) => {
  runs.set([offset, count * SIZE, SIZE, at % 2], at * RELAY_RUN.stride);
  offset += count * SIZE;
});
for (let at = 0; at < arena.length; at += SIZE) arena[at] = at / SIZE;

const lost = addon.udpSendRuns(sender.fd, arena, runs, RUNS.length, ends);
const into = new Uint8Array(8 * UDP_MESSAGE_STRIDE);
const rows = new Int32Array(8 * MESSAGE.stride);
const received = receivers.map(({ fd }) => {
  const firsts: number[] = [];
  for (let got = addon.udpReceiveBatch(fd, into, rows, 8); got > 0; got = addon.udpReceiveBatch(fd, into, rows, 8))
    for (let row = 0; row < got; row++) {
      const [from, length, segment] = rows.subarray(row * MESSAGE.stride);
      for (let at = from; at < from + length; at += segment) firsts.push(into[at]);
    }
  return firsts;
});
const counters = Object.fromEntries(PRIMITIVE_COUNTERS.map((name, i) => [name, addon.counters()[i]]));
console.log(JSON.stringify({ lost, received, ...addon.udpState(sender.fd), counters }));
