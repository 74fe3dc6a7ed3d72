import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { PathAddress } from '../../base/path-address.ts';
import type { ConnectionGuard } from '../../http/connection-guard.ts';
import { sourceOf } from '../../http/source.ts';
import { NAT_KIND } from '../../nat/constants.ts';
import { tunnelPath } from '../../nat/tunnel-address.ts';

export const TUNNEL_PATH = '/datagrams/1';
/** The longest datagram on a path (protocol.md 6.5). */
const MAX_DATAGRAM = 9_216;
/** Bytes that wait for a node that does not read; what comes then is lost, as on any full link. */
const MAX_BACKLOG = 256 << 10;
const PING_EVERY = 25_000;
const GOING_AWAY = 1001;
const NOT_BINARY = 1003;
const POLICY = 1008;
const PARTING = 1_000;
/** Of a BIND-ACK. */
const [STATUS_AT, BOUND] = [2, 0];

/** Names the network that a connection came from, in TUNNEL_SOURCE_BYTES; the same for equal ones. */
export type NameSource = (source: string) => Uint8Array;

interface Tunnel {
  readonly path: PathAddress;
  readonly socket: WebSocket;
  readonly connection: string;
  readonly proving: NodeJS.Timeout;
  isProved: boolean;
  answered: boolean;
}

interface TunnelDeps {
  readonly guard: ConnectionGuard;
  readonly nameSource: NameSource;
  readonly count: (name: string, by: number) => void;
  /** milliseconds that a tunnel may be open before its node has proved to coordinator or relay who it is */
  readonly proving: number;
}

/**
 * Datagrams of nodes whose UDP is blocked, as WebSocket messages (protocol.md 6.8). A tunnel leads to the coordinator and the
 * relay of this process and nowhere else, and only who proves itself to one of them may keep it.
 */
export class TunnelDoor {
  readonly #deps: TunnelDeps;
  readonly #tunnels = new Map<PathAddress, Tunnel>();
  readonly #upgrades = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_DATAGRAM,
    perMessageDeflate: false,
    clientTracking: false,
  });
  readonly #pings = setInterval(() => this.#ping(), PING_EVERY).unref();
  #take: ((bytes: Uint8Array, from: PathAddress) => void) | undefined;
  #last = 0;

  constructor(deps: TunnelDeps) {
    this.#deps = deps;
  }

  get count(): number {
    return this.#tunnels.size;
  }

  /** From here on there is somebody who takes datagrams. */
  start(take: (bytes: Uint8Array, from: PathAddress) => void): void {
    this.#take = take;
  }

  /** Whether an upgrade is this door's; before `start` none is. */
  isAskedBy(request: IncomingMessage): boolean {
    return this.#take !== undefined && request.url === TUNNEL_PATH;
  }

  /** `connection` names the TCP connection below. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, connection: string): void {
    stream.on('error', () => stream.destroy());
    const source = sourceOf(request.socket.remoteAddress);
    this.#upgrades.handleUpgrade(request, stream, head, (socket) => this.#open(socket, connection, source));
  }

  /** A datagram to the node behind a tunnel; it is lost when that is gone or full. */
  send(bytes: Uint8Array, to: PathAddress): void {
    const tunnel = this.#tunnels.get(to);
    if (tunnel === undefined) return this.#count('tunnel-gone');
    if (tunnel.socket.bufferedAmount > MAX_BACKLOG) return this.#count('tunnel-full');
    if (!tunnel.isProved && isProof(bytes)) this.#prove(tunnel);
    tunnel.socket.send(bytes);
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    clearInterval(this.#pings);
    const ended = [...this.#tunnels.values()].map(
      ({ socket }) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const tunnel of [...this.#tunnels.values()]) this.#end(tunnel, GOING_AWAY);
    await Promise.all(ended);
    this.#upgrades.close();
  }

  #open(socket: WebSocket, connection: string, source: string): void {
    this.#last = (this.#last % 0xffff_ffff) + 1;
    if ((this.#last & 0xffff) === 0) this.#last++; // there is no port 0
    const path = tunnelPath(this.#deps.nameSource(source), this.#last);
    const proving = setTimeout(() => this.#unproved(tunnel), this.#deps.proving).unref();
    const tunnel: Tunnel = { path, socket, connection, proving, isProved: false, answered: true };
    this.#tunnels.set(path, tunnel);
    this.#count('tunnel-opened');
    socket.on('message', (data, isBinary) => this.#message(tunnel, data, isBinary));
    socket.on('pong', () => {
      tunnel.answered = true;
    });
    socket.on('error', () => socket.terminate());
    socket.once('close', () => this.#forget(tunnel));
  }

  #message(tunnel: Tunnel, data: WebSocket.RawData, isBinary: boolean): void {
    if (!this.#tunnels.has(tunnel.path)) return;
    if (!isBinary || !(data instanceof Buffer)) return this.#end(tunnel, NOT_BINARY);
    if (data.length > 0) this.#take?.(new Uint8Array(data.buffer, data.byteOffset, data.length), tunnel.path);
  }

  #prove(tunnel: Tunnel): void {
    tunnel.isProved = true;
    clearTimeout(tunnel.proving);
    this.#deps.guard.prove(tunnel.connection);
  }

  #unproved(tunnel: Tunnel): void {
    this.#count('tunnel-unproved');
    this.#end(tunnel, POLICY);
  }

  #count(name: string): void {
    this.#deps.count(name, 1);
  }

  #ping(): void {
    for (const tunnel of [...this.#tunnels.values()]) {
      if (tunnel.answered) tunnel.socket.ping();
      else tunnel.socket.terminate();
      tunnel.answered = false;
    }
  }

  #end(tunnel: Tunnel, code: number): void {
    this.#forget(tunnel);
    tunnel.socket.close(code);
    setTimeout(() => tunnel.socket.terminate(), PARTING).unref();
  }

  #forget(tunnel: Tunnel): void {
    clearTimeout(tunnel.proving);
    this.#tunnels.delete(tunnel.path);
  }
}

/** Only a node that has proved who it is, and that it is there, is sent one of these. */
function isProof(bytes: Uint8Array): boolean {
  return bytes[0] === NAT_KIND.signal || (bytes[0] === NAT_KIND.bindAck && bytes[STATUS_AT] === BOUND);
}

/** Sources by a keyed hash: equal ones are one to limits, and no node learns from where others come. */
export function sourceNames(hmac: (key: Uint8Array, data: Uint8Array) => Uint8Array, key: Uint8Array): NameSource {
  return (source) => hmac(key, new TextEncoder().encode(source));
}
