import { randomBytes } from 'node:crypto';
import { millis } from '../../src/base/brands.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { RelayShell } from '../../src/server/relay-shell.ts';
import { openBatchSocket } from '../../src/udp/open-batch-socket.ts';
import { BENCH_SECRET, channelOf, endsOf, MOST_FLOWS } from './bench-channels.ts';

/** Program: the relay of a server without the server, which allows the channels of the bench. `lone-relay PORT` */
const port = Number(process.argv[2]);
const socket = await openBatchSocket({ address: undefined, port, gro: true });
if (typeof socket === 'string') throw new Error(socket);
const counts = new Map<string, number>();
const shell = new RelayShell(
  {
    provider: nodeProvider,
    random: (length) => new Uint8Array(randomBytes(length)),
    relaySecret: BENCH_SECRET,
    members: { isActive: () => true },
    place: { overlay: [], sockets: [], allowPrivate: true, allowLoopback: false },
  },
  { perNode: 1e12, total: 1e12 },
  socket,
  {
    now: () => millis(performance.now()),
    count: (name, by) => void counts.set(name, (counts.get(name) ?? 0) + by),
    log: { log: (_level, event, fields) => console.error(event, fields) },
  },
  undefined,
);
for (let flow = 0; flow < MOST_FLOWS; flow++) shell.allow(channelOf(flow), endsOf(channelOf(flow)));
console.log(`ready ${socket.implementation}`);
process.on('SIGTERM', () => {
  shell.stop();
  console.log(JSON.stringify({ ...shell.numbers(), refused: socket.refused, ...Object.fromEntries(counts) }));
  process.exit(0);
});
