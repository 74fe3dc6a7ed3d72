import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/**
 * Program: allocates and binds a channel of a TURN relay (RFC 8656) for each flow, from ports which another program then uses.
 * `turn-flows PORT FLOWS RELAY RELAY-PORT PEER PEER-PORT CHANNEL`; flow n is relayed to PEER-PORT + n.
 */
const words = process.argv.slice(2);
const [port, flows] = words.slice(0, 2).map(Number);
const [relay, peer] = [words[2], words[4]];
const [relayPort, peerPort, channel] = [words[3], words[5], words[6]].map(Number);

const MAGIC = 0x2112a442;
const METHOD = { allocate: 0x0003, channelBind: 0x0009 } as const;
const ATTRIBUTE = { channelNumber: 0x000c, xorPeerAddress: 0x0012, requestedTransport: 0x0019 } as const;
const UDP = 17;

for (let flow = 0; flow < flows; flow++) await allocate(flow);
console.log('bound');

async function allocate(flow: number): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(port + flow);
  await once(socket, 'listening');
  const ask = async (method: number, attributes: readonly Buffer[]) => {
    socket.send(message(method, attributes), relayPort, relay);
    const [answer]: Buffer[] = await once(socket, 'message', { signal: AbortSignal.timeout(5_000) });
    if (answer.readUInt16BE(0) !== (method | 0x0100)) throw new Error(`refused: ${answer.toString('hex')}`);
  };
  await ask(METHOD.allocate, [attribute(ATTRIBUTE.requestedTransport, Buffer.of(UDP, 0, 0, 0))]);
  const number = Buffer.alloc(4);
  number.writeUInt16BE(channel);
  await ask(METHOD.channelBind, [
    attribute(ATTRIBUTE.channelNumber, number),
    attribute(ATTRIBUTE.xorPeerAddress, xorAddress(peer, peerPort + flow)),
  ]);
  socket.close();
}

function message(method: number, attributes: readonly Buffer[]): Buffer {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(8);
  head.writeUInt16BE(method);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(MAGIC, 4);
  return Buffer.concat([head, randomBytes(12), body]);
}

function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

function xorAddress(host: string, to: number): Buffer {
  const value = Buffer.alloc(8);
  value[1] = 1;
  value.writeUInt16BE(to ^ (MAGIC >>> 16), 2);
  const address = Buffer.from(host.split('.').map(Number)).readUInt32BE();
  value.writeUInt32BE((address ^ MAGIC) >>> 0, 4);
  return value;
}
