import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/*
 * A program that talks with others by UDP and TCP, each packet with a marker.
 *
 *   talk-tool.ts PORT MARKER ADDRESS…     answers on that port, and asks each address all the time
 *
 * For each line of its input it prints one line of JSON: answers so far by address, and what came that was never sent.
 */
const [portText = '', marker = '', ...peers] = process.argv.slice(2);
const port = Number(portText);
const answers = Object.fromEntries(peers.map((peer) => [peer, { udp: 0, tcp: 0 }]));
const faults = new Set<string>();
const heard = new Set<string>();
const EVERY = { udp: 120, tcp: 600 };
let number = 0;

const udp = createSocket('udp4');
udp.on('error', () => undefined);
udp.on('message', (bytes, from) => {
  const [kind = '', words = '', whose = ''] = bytes.toString().split('|');
  if (words !== marker || (kind !== 'ask' && kind !== 'answer')) faults.add(`${from.address} sent something else`);
  const once = `${from.address} ${kind} ${whose}`;
  if (heard.has(once)) faults.add(`${from.address} was heard twice`);
  heard.add(once);
  if (kind === 'ask') udp.send(`answer|${words}|${whose}`, from.port, from.address, () => undefined);
  else if (answers[from.address]) answers[from.address].udp++;
});
udp.bind(port);

createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(port, '0.0.0.0', () =>
  console.log('ready'),
);

for (const peer of peers) {
  setInterval(() => udp.send(`ask|${marker}|${number++}`, port, peer, () => undefined), EVERY.udp);
  setInterval(() => askByTcp(peer), EVERY.tcp);
}
createInterface(process.stdin).on('line', () => console.log(JSON.stringify({ answers, faults: [...faults] })));

function askByTcp(peer: string): void {
  const said = `${marker} ${number++}`;
  const socket = connect({ host: peer, port });
  const end = setTimeout(() => socket.destroy(), 5_000);
  let got = '';
  socket.on('error', () => undefined);
  socket.on('close', () => clearTimeout(end));
  socket.on('data', (bytes) => {
    got += bytes.toString();
    if (!said.startsWith(got)) faults.add(`${peer} answered something else by TCP`);
    if (got !== said) return;
    answers[peer].tcp++;
    socket.destroy();
  });
  socket.write(said);
}
