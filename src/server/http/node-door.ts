import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Millis, millis } from '../../base/brands.ts';
import { parseAddress } from '../../base/ip-address.ts';
import type { ConnectionGuard } from '../../http/connection-guard.ts';
import { sourceOf } from '../../http/source.ts';
import { type ChannelId, channelId } from '../gms/hub-effects.ts';
import { Backlogs } from './backlogs.ts';
import type { ServerMetrics } from './metrics.ts';
import { Outbox } from './outbox.ts';

export const NODE_PATH = '/node/1';
/** One Noise message, the longest that a frame holds. */
const MAX_FRAME = 65_535;
/** A node whose machine has gone does not answer the ping of before. */
const PING_EVERY = 30_000;
const LOOK_EVERY = 5_000;
const GOING_AWAY = 1001;
const NOT_BINARY = 1003;
/** What a node may take to answer the close. */
const PARTING = 1_000;

/** What comes in through the door. */
export interface DoorEvents {
  opened(id: ChannelId, source: string, address: Uint8Array | undefined): void;
  frame(id: ChannelId, frame: Uint8Array): void;
  /** not after `close` */
  closed(id: ChannelId): void;
}

interface Channel {
  readonly socket: WebSocket;
  readonly connection: string;
  readonly outbox: Outbox;
  answered: boolean;
}

/** The node channels of one process as WebSockets: frames in, frames out, within bounds. */
export class NodeDoor {
  readonly #events: DoorEvents;
  readonly #guard: ConnectionGuard;
  readonly #metrics: ServerMetrics;
  readonly #channels = new Map<ChannelId, Channel>();
  readonly #upgrades = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME,
    perMessageDeflate: false,
    clientTracking: false,
  });
  readonly #pings = setInterval(() => this.#ping(), PING_EVERY).unref();
  readonly #looks = setInterval(() => this.#dropStalled(), LOOK_EVERY).unref();
  readonly #backlogs = new Backlogs<ChannelId>();
  #last = 0;

  constructor(events: DoorEvents, guard: ConnectionGuard, metrics: ServerMetrics) {
    this.#events = events;
    this.#guard = guard;
    this.#metrics = metrics;
  }

  /** Makes a channel of an HTTP upgrade, or refuses it. `connection` names the TCP connection below. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, connection: string): void {
    stream.on('error', () => stream.destroy());
    if (request.url !== NODE_PATH) return refuseUpgrade(stream);
    const { remoteAddress } = request.socket;
    this.#upgrades.handleUpgrade(request, stream, head, (socket) => this.#open(socket, connection, remoteAddress));
  }

  /** The node behind it has proved who it is. */
  prove(id: ChannelId): void {
    const channel = this.#channels.get(id);
    if (channel !== undefined) this.#guard.prove(channel.connection);
  }

  /** More waits for nodes that read slowly than large messages should add to. */
  get isFull(): boolean {
    return this.#backlogs.isFull;
  }

  send(id: ChannelId, frame: Uint8Array): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    if (!this.#backlogs.hasRoom(id, frame.length)) return this.#drop(id, channel, 'backlog');
    this.#metrics.handleFrame('out', frame.length);
    this.#backlogs.add(id, frame.length, monotonic());
    channel.outbox.push(frame);
  }

  /** Ends a channel when what was sent has left. */
  close(id: ChannelId, reason: string): void {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    this.#forget(id, reason);
    part(channel);
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    clearInterval(this.#pings);
    clearInterval(this.#looks);
    const ended = [...this.#channels.values()].map(
      ({ socket }) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const id of [...this.#channels.keys()]) this.close(id, 'stopped');
    await Promise.all(ended);
    this.#upgrades.close();
  }

  #open(socket: WebSocket, connection: string, remoteAddress: string | undefined): void {
    const id = channelId(++this.#last);
    const outbox = new Outbox(
      (piece, fin, left) => socket.send(piece, { fin }, left),
      (bytes) => this.#backlogs.remove(id, bytes, monotonic()),
    );
    const channel: Channel = { socket, connection, outbox, answered: true };
    this.#channels.set(id, channel);
    socket.on('message', (data, isBinary) => this.#frame(id, channel, data, isBinary));
    socket.on('pong', () => {
      channel.answered = true;
    });
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      if (this.#forget(id, 'gone')) this.#events.closed(id);
    });
    const address = parseAddress((remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)|%.*$/g, '')) ?? undefined;
    this.#events.opened(id, sourceOf(remoteAddress), address);
  }

  #frame(id: ChannelId, channel: Channel, data: WebSocket.RawData, isBinary: boolean): void {
    if (!this.#channels.has(id)) return;
    if (!isBinary || !(data instanceof Buffer)) {
      channel.socket.close(NOT_BINARY);
      return;
    }
    this.#metrics.handleFrame('in', data.length);
    this.#events.frame(id, new Uint8Array(data.buffer, data.byteOffset, data.length));
  }

  #ping(): void {
    for (const [id, channel] of this.#channels) {
      if (this.#backlogs.isBehind(id)) continue;
      if (!channel.answered) this.#drop(id, channel, 'no-pong');
      else channel.socket.ping();
      channel.answered = false;
    }
  }

  #dropStalled(): void {
    for (const id of this.#backlogs.stalled(monotonic())) {
      const channel = this.#channels.get(id);
      if (channel) this.#drop(id, channel, 'stalled');
    }
  }

  #drop(id: ChannelId, { socket }: Channel, reason: string): void {
    this.#forget(id, reason);
    socket.terminate();
    this.#events.closed(id);
  }

  #forget(id: ChannelId, reason: string): boolean {
    const known = this.#channels.delete(id);
    if (known) this.#backlogs.forget(id);
    if (known) this.#metrics.handleEndedChannel(reason);
    return known;
  }
}

function monotonic(): Millis {
  return millis(performance.now());
}

function part({ socket, outbox }: Channel): void {
  outbox.end(() => socket.close(GOING_AWAY));
  setTimeout(() => socket.terminate(), PARTING).unref();
}

function refuseUpgrade(stream: Duplex): void {
  stream.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
}

/** What identifies a TCP connection while it is open. */
export function connectionName({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress ?? ''} ${remotePort ?? 0}`;
}
