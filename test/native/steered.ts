// Program for a test: sends packets of many flows into a device of three queues, and prints how many came out of each queue and
// how many of another than `flowNumber` says. Then the same of a port that two sockets share: which kinds came to which.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { parseFlow } from '../../src/base/flow.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import { MESSAGE, PACKET } from '../../src/base/primitives.ts';
import { flowNumber } from '../../src/base/steering.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { UDP_MESSAGE_STRIDE } from '../../src/native/addon.ts';
import { needAddon } from './need-addon.ts';

const QUEUES = 3;
const FLOWS = 60;
const KINDS = 16;
const addon = needAddon();
const arena = new Uint8Array(1 << 20);
const view = new DataView(arena.buffer);
const rows = new Int32Array(64 * PACKET.stride);
const flow = new Int32Array(FLOW.stride);

const queues = Array.from({ length: QUEUES }, () => {
  const tun = addon.tunOpen('steer0', { offload: true, multiQueue: true });
  if (typeof tun === 'string') throw new Error(tun);
  return tun;
});
const steered = addon.tunSteer(queues[0].fd);
runNow('ip', ['address', 'add', '10.77.0.1/24', 'dev', 'steer0']);
runNow('ip', ['address', 'add', 'fd77::1/64', 'dev', 'steer0', 'nodad']);
runNow('ip', ['link', 'set', 'steer0', 'up']);

/** Flows of each kind: UDP and TCP of both versions, to addresses where nobody is. */
function sendFlows(): void {
  for (const [family, host] of [
    ['udp4', '10.77.0.9'],
    ['udp6', 'fd77::9'],
  ] as const)
    for (let i = 0; i < FLOWS; i++) {
      const socket = createSocket(family);
      socket.send('x', 1000 + i, host, () => socket.close());
      connect({ host, port: 1000 + i })
        .on('error', () => {})
        .unref();
    }
}

const result = { steered, counts: queues.map(() => 0), protocols: [0, 0], wrong: 0, mirrored: 0 };

function readQueue(queue: number): void {
  const count = addon.tunReadBatch(queues[queue].fd, queues[queue].vnet, arena, rows, 64);
  for (let at = 0; at < count * PACKET.stride; at += PACKET.stride) {
    if (parseFlow(view, rows[at + PACKET.offset], rows[at + PACKET.length], flow) !== 0) continue;
    const protocol = flow[FLOW.head] & 0xff;
    if (protocol !== 6 && protocol !== 17) continue;
    const number = flowNumber(flow);
    result.counts[queue] += 1;
    result.protocols[protocol === 6 ? 0 : 1] += 1;
    if (number % QUEUES !== queue) result.wrong += 1;
    const [source, destination] = [flow.slice(1, 5), flow.slice(5, 9)];
    flow.set(destination, 1);
    flow.set(source, 5);
    flow[FLOW.ports] = (flow[FLOW.ports] << 16) | (flow[FLOW.ports] >>> 16);
    if (flowNumber(flow) === number) result.mirrored += 1;
  }
}

/** Datagrams from many ports, half of them data: by socket, how many of data and of other kinds came. */
async function shareAPort(): Promise<unknown> {
  const sockets = [0, 1].map((number) => {
    const port = number === 0 ? 0 : shared;
    const socket = addon.udpOpen({ address: '127.0.0.1', port, gro: true, gso: false, reusePort: true });
    if (typeof socket === 'string') throw new Error(socket);
    if (number === 0) shared = socket.port;
    return socket;
  });
  const filtered = addon.udpSteer(sockets[0].fd);
  const senders = Array.from({ length: 40 }, () => createSocket('udp4'));
  for (const sender of senders)
    for (let kind = 0; kind < KINDS * 2; kind++)
      await new Promise((sent) => sender.send(Uint8Array.of(kind, 1), shared, '127.0.0.1', sent));
  const counts = sockets.map(({ fd }) => {
    const came = { data: 0, other: 0 };
    const messages = new Int32Array(8 * MESSAGE.stride);
    const bytes = new Uint8Array(8 * UDP_MESSAGE_STRIDE);
    for (let count = 1; count > 0; ) {
      count = addon.udpReceiveBatch(fd, bytes, messages, 8);
      for (let at = 0; at < count * MESSAGE.stride; at += MESSAGE.stride)
        came[bytes[messages[at + MESSAGE.offset]] === 0x10 ? 'data' : 'other'] += 1;
    }
    return came;
  });
  for (const sender of senders) sender.close();
  return { filtered, counts };
}

let shared = 0;
queues.forEach((tun, queue) => {
  addon.pollStart(tun.fd, () => readQueue(queue));
});
sendFlows();
const share = await shareAPort();
const deadline = Date.now() + 5_000;
const timer = setInterval(() => {
  if (result.protocols.every((count) => count >= FLOWS * 2) || Date.now() > deadline) {
    clearInterval(timer);
    process.stdout.write(`${JSON.stringify({ ...result, share })}\n`, () => process.exit(0));
  }
}, 10);
