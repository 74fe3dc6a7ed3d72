import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { millis } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { type BinderEffect, RelayBinder } from '../../src/nat/relay-binder.ts';
import { relayKeyOf } from '../../src/server/datagrams/relay-keys.ts';
import { BENCH_SECRET, channelOf, endsOf } from './bench-channels.ts';

/** Program: binds the ends of flows to a relay from ports which another program then uses. `bind-flows SIDE PORT FLOWS RELAY`, SIDE 0 or 1. */
const [side, port, flows] = process.argv.slice(2, 5).map(Number);
const relay = pathAddress(process.argv[5]);
const now = () => millis(performance.now());
let seq = Date.now();

for (let flow = 0; flow < flows; flow++) await bind(flow);
console.log('bound');

async function bind(flow: number): Promise<void> {
  const self = endsOf(channelOf(flow))[side];
  const random = (length: number) => new Uint8Array(randomBytes(length));
  const binder = new RelayBinder({ provider: nodeProvider, random, self, nextSeq: () => ++seq });
  const socket = createSocket('udp4');
  socket.bind(port + flow);
  await once(socket, 'listening');
  await new Promise<void>((resolve, reject) => {
    const carryOut = (effects: readonly BinderEffect[]) => {
      for (const effect of effects) {
        if (effect.kind === 'bound') resolve();
        if (effect.kind === 'unbound') reject(new Error(effect.cause));
        if (effect.kind === 'send') socket.send(effect.bytes, ...hostAndPort(effect.to));
      }
    };
    socket.on('message', (bytes) => carryOut(binder.handleDatagram(bytes, relay, 25_000, now())));
    carryOut(binder.bind(relay, channelOf(flow), relayKeyOf(nodeProvider, BENCH_SECRET, self), now()));
  });
  socket.close();
}

function hostAndPort(path: string): [number, string] {
  const at = path.lastIndexOf(':');
  return [Number(path.slice(at + 1)), path.slice(0, at)];
}
