import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { formatAddress, parseAddress } from '../../base/ip-address.ts';
import { formatPath, type PathAddress } from '../../base/path-address.ts';

/** The answer to one message; undefined: none. */
export type AnswerDns = (bytes: Uint8Array, over: 'udp' | 'tcp') => Uint8Array | undefined;

/** What a name server needs of its node. */
export interface NameServerCalls {
  readonly answer: AnswerDns;
  /** something came from elsewhere than this machine */
  readonly strange: () => void;
}

const DNS_PORT = 53;
/** Any port, where another program has the usual one; resolvers that are told a port can do with it. */
const PORTS = [DNS_PORT, 0, 0, 0] as const;
/** Connections at once, what one may send before its question is whole, and how long one may say nothing. */
const MOST_CONNECTIONS = 16;
const LONGEST_QUESTION = 1_024;
const SILENCE = 5_000;

/**
 * Answers questions about names at the node's own overlay address, to programs of this machine alone: what comes from any
 * other address than the node's own ones is dropped, whichever interface brought it.
 */
export class NameServer {
  readonly at: PathAddress;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #open = new Set<Socket>();

  private constructor(udp: UdpSocket, own: ReadonlySet<string>, calls: NameServerCalls) {
    this.#udp = udp;
    const { address, port } = udp.address();
    const bytes = parseAddress(address) ?? new Uint8Array(4);
    this.at = formatPath(bytes.length === 4 ? 4 : 6, bytes, port);
    const isOwn = (from: string | undefined): boolean => {
      if (from !== undefined && own.has(from)) return true;
      calls.strange();
      return false;
    };
    udp.on('error', () => undefined); // of a single datagram
    udp.on('message', (message, from) => {
      const reply = isOwn(from.address) ? calls.answer(message, 'udp') : undefined;
      if (reply) udp.send(reply, from.port, from.address, () => undefined);
    });
    this.#tcp = createServer((socket) => {
      if (!isOwn(socket.remoteAddress)) return void socket.destroy();
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      serve(socket, calls.answer);
    });
    this.#tcp.maxConnections = MOST_CONNECTIONS;
    this.#tcp.on('error', () => undefined);
  }

  /** Listens at the first of these addresses, by port 53 where that is free; undefined where nothing can be had. */
  static async listen(addresses: readonly string[], calls: NameServerCalls): Promise<NameServer | undefined> {
    const [address] = addresses;
    if (address === undefined) return undefined;
    const own = new Set(addresses.map((each) => formatAddress(parseAddress(each) ?? new Uint8Array(4))));
    for (const port of PORTS) {
      const udp = await boundUdp(address, port);
      if (!udp) continue;
      const made = new NameServer(udp, own, calls);
      if (await made.#listenTcp(address, udp.address().port)) return made;
      made.close();
    }
    return undefined;
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#open) socket.destroy();
  }

  #listenTcp(address: string, port: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#tcp.once('error', () => resolve(false));
      this.#tcp.listen({ host: address, port }, () => resolve(true));
    });
  }
}

function boundUdp(address: string, port: number): Promise<UdpSocket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const failed = (): void => {
      socket.close();
      resolve(undefined);
    };
    socket.once('error', failed);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** Questions one behind the other, each behind its length (RFC 1035 4.2.2). */
function serve(socket: Socket, answer: AnswerDns): void {
  let buffered = new Uint8Array();
  socket.setTimeout(SILENCE, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2) {
      const length = (buffered[0] << 8) | buffered[1];
      if (length > LONGEST_QUESTION) return void socket.destroy();
      if (buffered.length < 2 + length) return;
      const reply = answer(buffered.subarray(2, 2 + length), 'tcp');
      buffered = buffered.subarray(2 + length);
      if (!reply || socket.writableLength > 0xffff) return void socket.destroy();
      socket.write(Buffer.concat([Uint8Array.of(reply.length >> 8, reply.length & 255), reply]));
    }
  });
}
