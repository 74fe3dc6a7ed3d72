import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Finds out on the wire what a NAT does, by RFC 4787 and with nothing of the program under test. Run as a process:
 *
 *   node prober.ts answer FIRST SECOND     two addresses of this machine; prints `ready`
 *   node prober.ts ask FIRST SECOND PORT   prints as JSON what it found, by a socket with this port and some others
 *
 * A question is `{"from": [0|1, 0|1]}`: which address and which port the answer is to come from. Answers tell who was seen.
 */
const PORTS = [7300, 7301] as const;
/** one of the two addresses, one of the two ports */
type Corner = readonly [0 | 1, 0 | 1];
const TRIES = 3;
const WAIT_MS = 150;

const [role = '', first = '', second = '', port = '0'] = process.argv.slice(2);
const addresses = [first, second] as const;
if (role === 'answer') await answer();
else console.log(JSON.stringify(await ask()));

async function answer(): Promise<void> {
  const sockets = await Promise.all(addresses.map((address) => Promise.all(PORTS.map((port) => bound(port, address)))));
  for (const socket of sockets.flat()) {
    socket.on('message', (text, from) => {
      const [host = 0, port = 0] = JSON.parse(String(text)).from;
      sockets[host]?.[port]?.send(JSON.stringify({ seen: name(from) }), from.port, from.address);
    });
  }
  console.log('ready');
}

async function ask() {
  const mapped = await bound(Number(port));
  const seen = [await seenBy(mapped, 0, 0), await seenBy(mapped, 0, 1), await seenBy(mapped, 1, 0)];
  const [outer = '', outerPort = ''] = seen[0]?.split(':') ?? [];
  const found = {
    reached: seen[0] !== undefined,
    translated: outer !== '' && !ownHosts().includes(outer),
    mapping: mappingOf(seen),
    filtering: await filtering(),
    hairpin: await hairpin(mapped, seen[0]),
    outer,
    outerPort: Number(outerPort),
  };
  mapped.close();
  return found;
}

/** How one socket is seen at one of the four addresses; undefined when nothing comes back. */
async function seenBy(socket: Socket, host: 0 | 1, port: 0 | 1): Promise<string | undefined> {
  const text = await question(socket, [host, port], [host, port]);
  return text === undefined ? undefined : JSON.parse(text).seen;
}

function mappingOf([first, otherPort, otherHost]: readonly (string | undefined)[]): string {
  if (first === undefined || otherPort === undefined || otherHost === undefined) return 'unknown';
  if (first !== otherPort) return 'port';
  return first === otherHost ? 'endpoint' : 'address';
}

/** Each question by a socket that has sent to nobody else: what an earlier one opened would answer for it. */
async function filtering(): Promise<string> {
  const hears = async (from: Corner) => {
    const socket = await bound(0);
    const text = await question(socket, [0, 0], from);
    socket.close();
    return text !== undefined;
  };
  if (!(await hears([0, 0]))) return 'unknown';
  if (await hears([1, 0])) return 'endpoint';
  return (await hears([0, 1])) ? 'address' : 'port';
}

/** What comes of a datagram to the outer address of another socket behind the same NAT: nothing, or the source it comes from. */
async function hairpin(target: Socket, outer: string | undefined): Promise<string> {
  const [host = '', port = ''] = outer?.split(':') ?? [];
  const sender = await bound(0);
  const senderSeen = await seenBy(sender, 0, 0);
  let source: string | undefined;
  const hear = (_: Buffer, from: RemoteInfo) => {
    source = name(from);
  };
  target.on('message', hear);
  for (let i = 0; i < TRIES && source === undefined && host !== ''; i++) {
    sender.send('{}', Number(port), host);
    await pause(WAIT_MS);
  }
  target.off('message', hear);
  sender.close();
  if (source === undefined) return 'none';
  return source === senderSeen ? 'from the outer address' : 'from the inside address';
}

/** Sends a question until it is answered from where it was asked for, three times at most. */
async function question(socket: Socket, to: Corner, from: Corner): Promise<string | undefined> {
  const wanted = `${addresses[from[0]]}:${PORTS[from[1]]}`;
  for (let i = 0; i < TRIES; i++) {
    socket.send(JSON.stringify({ from }), PORTS[to[1]], addresses[to[0]]);
    const text = await heard(socket, wanted);
    if (text !== undefined) return text;
  }
  return undefined;
}

function heard(socket: Socket, from: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (text?: string) => {
      clearTimeout(timer);
      socket.off('message', hear);
      resolve(text);
    };
    const hear = (text: Buffer, source: RemoteInfo) => {
      if (name(source) === from) end(String(text));
    };
    const timer = setTimeout(end, WAIT_MS);
    socket.on('message', hear);
  });
}

async function bound(port: number, address?: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

function ownHosts(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
}

function name({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address}:${port}`;
}
