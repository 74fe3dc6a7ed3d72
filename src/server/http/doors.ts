import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ListenAddress } from '../../base/listen-address.ts';
import type { ConnectionGuard } from '../../http/connection-guard.ts';
import { listening } from '../../http/listening.ts';
import { sourceOf } from '../../http/source.ts';
import { bindStream } from '../../udp/control-stream.ts';
import type { TlsIdentity } from '../tls.ts';
import { LoopWatch } from './loop-watch.ts';
import type { ServerMetrics } from './metrics.ts';
import { connectionName, type NodeDoor } from './node-door.ts';

/** Milliseconds for a whole request, and between two of them. */
const TIMES = { requestTimeout: 30_000, keepAliveTimeout: 30_000 } as const;
const MAX_HEADERS = 16_384;
/** Where a port is taken. */
const elsewhere = 'use another --listen';
/** What requests under way have left when the server ends. */
const PARTING = 2_000;

/** Takes WebSockets of one kind. */
export interface UpgradeDoor {
  isAskedBy(request: IncomingMessage): boolean;
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, connection: string): void;
  stop(): Promise<void>;
}

export interface DoorParts {
  readonly app: FastifyInstance;
  readonly nodes: NodeDoor;
  /** for other upgrades than those of node channels */
  readonly others: readonly UpgradeDoor[];
  readonly guard: ConnectionGuard;
  readonly opening: number;
  readonly metrics: ServerMetrics;
}

const local = new WeakSet<IncomingMessage>();

/** Whether a request came through the socket that only the server's owner may open. */
export function isLocal(request: IncomingMessage): boolean {
  return local.has(request);
}

/** The two listening sockets of a server: TLS for everybody, a Unix socket for its owner. */
export class Doors {
  readonly #tls: TlsServer;
  readonly #local: Server;
  readonly #loop = new LoopWatch();
  readonly #nodes: NodeDoor;
  readonly #others: readonly UpgradeDoor[];

  constructor({ app, nodes, others, guard, metrics, opening }: DoorParts, { cert, key }: TlsIdentity) {
    this.#nodes = nodes;
    this.#others = others;
    const times = { headersTimeout: opening, handshakeTimeout: opening, connectionsCheckingInterval: opening / 2 };
    const options = { ...TIMES, ...times, maxHeaderSize: MAX_HEADERS };
    this.#local = createServer(options, (request, response) => {
      local.add(request);
      app.routing(request, response);
    });
    this.#tls = createTlsServer({ ...options, cert, key, minVersion: 'TLSv1.2' }, (request, response) =>
      app.routing(request, response),
    );
    this.#tls.on('upgrade', (request, stream, head) => {
      const door = others.find((each) => each.isAskedBy(request)) ?? nodes;
      door.handleUpgrade(request, stream, head, connectionName(request.socket));
    });
    this.#tls.on('connection', (socket: Socket) => admit(socket, guard, this.#loop, metrics));
    this.#tls.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** The TCP port that is listened on. */
  async listen(address: ListenAddress, socketPath: string): Promise<number> {
    rmSync(socketPath, { force: true }); // of a server that died: the folder is ours alone
    await listening(this.#local, { where: { path: socketPath }, what: socketPath, elsewhere });
    chmodSync(socketPath, 0o600);
    const { host, port } = address;
    // with the mark, so that it is reached on the machine of a closed node, too; without the addon as any other server
    const fd = bindStream(host, port);
    const where = typeof fd === 'number' ? { fd } : { port, ...(host !== undefined && { host }) };
    await listening(this.#tls, { where, what: `port ${port}`, elsewhere });
    const bound = this.#tls.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  }

  /** New connections are shown this from now on. */
  show({ cert, key }: TlsIdentity): void {
    this.#tls.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  }

  /** Takes no more connections, ends node channels, lets requests under way end, and cuts off what takes too long. */
  async close(): Promise<void> {
    this.#loop.stop();
    const servers = [this.#tls, this.#local].filter((server) => server.listening);
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const server of servers) server.closeIdleConnections();
    const insist = setTimeout(() => {
      for (const server of servers) server.closeAllConnections();
    }, PARTING);
    await Promise.all([this.#nodes.stop(), ...this.#others.map((door) => door.stop()), ...closed]);
    clearTimeout(insist);
  }
}

function admit(socket: Socket, guard: ConnectionGuard, loop: LoopWatch, metrics: ServerMetrics): void {
  const name = connectionName(socket);
  const refused = guard.enter(name, sourceOf(socket.remoteAddress), loop.isLate);
  if (refused === undefined) {
    loop.handleConnection();
    socket.once('close', () => guard.leave(name));
    return;
  }
  metrics.handleRefusedConnection(refused);
  socket.destroy();
}
