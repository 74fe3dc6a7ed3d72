import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Impairment } from './kit.ts';

/**
 * A datagram relay that delays, reorders, duplicates and loses, in both directions, by a seeded generator.
 * Run as a process: node impair.ts ADDRESS:PORT TO-ADDRESS:PORT '{"delayMs":10,"loss":0.01}'
 * Each sender gets a socket of its own towards the target, so several may use one relay. Prints `ready`, then a count when it ends.
 */
const [listenText = '', toText = '', whatText = '{}'] = process.argv.slice(2);
const what: Impairment = JSON.parse(whatText);
const to = endpoint(toText);
const random = generator(what.seed ?? 1);
const count = { relayed: 0, lost: 0, duplicated: 0 };

const front = socketFor(toText);
const upstream = new Map<string, Socket>();
front.on('message', (datagram, from) => impair(datagram, towards(from)));
const listen = endpoint(listenText);
front.bind(listen.port, listen.address, () => console.log('ready'));
process.on('SIGTERM', () => {
  console.log(JSON.stringify(count));
  process.exit(0);
});

function towards(from: RemoteInfo): (datagram: Buffer) => void {
  const key = `${from.address} ${from.port}`;
  const socket = upstream.get(key) ?? openUpstream(key, from);
  return (datagram) => socket.send(datagram, to.port, to.address);
}

function openUpstream(key: string, from: RemoteInfo): Socket {
  const socket = socketFor(toText);
  upstream.set(key, socket);
  socket.on('message', (datagram) => impair(datagram, (kept) => front.send(kept, from.port, from.address)));
  return socket;
}

function impair(datagram: Buffer, send: (datagram: Buffer) => void): void {
  if (random() < (what.loss ?? 0)) {
    count.lost++;
    return;
  }
  const copies = random() < (what.duplicate ?? 0) ? 2 : 1;
  count.duplicated += copies - 1;
  for (let copy = 0; copy < copies; copy++) {
    count.relayed++;
    const wait = (what.delayMs ?? 0) + random() * (what.jitterMs ?? 0);
    if (wait === 0) send(datagram);
    else setTimeout(() => send(datagram), wait);
  }
}

function socketFor(address: string): Socket {
  return createSocket(address.startsWith('[') ? 'udp6' : 'udp4');
}

function endpoint(text: string): { address: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/[[\]]/g, ''), port: Number(text.slice(colon + 1)) };
}

/** Mulberry32: the same seed gives the same losses. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
