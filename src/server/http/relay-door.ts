import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_RELAY_MESSAGE } from '../../api/channel/relay-message.ts';
import { type Millis, type NodeId, nodeId } from '../../base/brands.ts';
import type { Logger } from '../../base/log.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { ConnectionGuard } from '../../http/connection-guard.ts';
import type { RelaySite } from '../dc/relay-sites.ts';
import { viewOf } from '../network/draft.ts';
import { type DeskEffect, RelayDesk } from '../relay-link/relay-desk.ts';
import type { Store } from '../store/store.ts';

export const RELAY_PATH = '/relay/1';
const TICK = 500;
const GOING_AWAY = 1001;
const PARTING = 1_000;
/** Bytes that wait for a relay that does not read. */
const MAX_BACKLOG = 8 << 20;

interface RelayWorld {
  readonly store: Store;
  readonly provider: CryptoProvider;
  readonly random: (length: number) => Uint8Array;
  readonly guard: ConnectionGuard;
  readonly now: () => Millis;
  readonly log: Logger;
}

interface Connected {
  readonly socket: WebSocket;
  readonly connection: string;
}

/** Links to relays that run apart, as WebSockets on the server's TLS port (protocol.md 7.1). */
export class RelayDoor {
  readonly #world: RelayWorld;
  readonly #desk: RelayDesk;
  readonly #sockets = new Map<number, Connected>();
  readonly #upgrades = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_RELAY_MESSAGE,
    perMessageDeflate: false,
    clientTracking: false,
  });
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #last = 0;

  constructor(world: RelayWorld) {
    const { store, provider, random, now } = world;
    this.#world = world;
    this.#desk = new RelayDesk({ view: viewOf(store.state), provider, random });
    this.#timer = setInterval(() => this.#step(() => this.#desk.tick(now())), TICK).unref();
    this.#unsubscribe = store.onChanges((changes) => {
      const tables = new Set(changes.map(({ table }) => table));
      if (tables.has('relays')) this.#step(() => this.#desk.handleRelaysChanged());
      for (const change of changes) {
        if (change.table !== 'nodes' || (change.row !== undefined && change.row.standing !== 'removed')) continue;
        this.#step(() => this.#desk.handleRemoved(nodeId(change.key)));
      }
    });
  }

  /** Relays that are up; the same list until something changes. */
  get sites(): readonly RelaySite[] {
    return this.#desk.sites;
  }

  endpointsOf(relay: string): readonly PathAddress[] | undefined {
    return this.#desk.endpointsOf(relay);
  }

  /** Names of relays that are known and have no link here. */
  away(): readonly string[] {
    const rows = [...this.#world.store.state.tables.relays.values()];
    return rows.filter(({ id }) => this.endpointsOf(id) === undefined).map(({ name }) => name);
  }

  allow(relay: string, channel: number, nodes: readonly [NodeId, NodeId]): void {
    this.#step(() => this.#desk.allow(relay, channel, nodes, this.#world.now()));
  }

  isAskedBy({ url }: IncomingMessage): boolean {
    return url === RELAY_PATH;
  }

  /** `connection` names the TCP connection below. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, connection: string): void {
    stream.on('error', () => stream.destroy());
    this.#upgrades.handleUpgrade(request, stream, head, (socket) => this.#open(socket, connection));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    const ended = [...this.#sockets.values()].map(
      ({ socket }) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const { socket } of this.#sockets.values()) part(socket);
    await Promise.all(ended);
    this.#upgrades.close();
  }

  #open(socket: WebSocket, connection: string): void {
    const id = ++this.#last;
    this.#sockets.set(id, { socket, connection });
    socket.on('message', (data, isBinary) => {
      if (!this.#sockets.has(id)) return;
      if (!isBinary || !(data instanceof Buffer)) return socket.terminate();
      this.#step(() => this.#desk.handleFrame(id, new Uint8Array(data), this.#world.now()));
    });
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      this.#sockets.delete(id);
      this.#step(() => this.#desk.handleClosed(id));
    });
    this.#step(() => this.#desk.handleOpened(id, this.#world.now()));
  }

  #step(act: () => void): void {
    act();
    for (const effect of this.#desk.takeEffects()) this.#carryOut(effect);
  }

  #carryOut(effect: DeskEffect): void {
    switch (effect.kind) {
      case 'send': {
        const socket = this.#sockets.get(effect.link)?.socket;
        if (socket === undefined) return;
        if (socket.bufferedAmount > MAX_BACKLOG) socket.terminate();
        else socket.send(effect.frame);
        return;
      }
      case 'close': {
        const connected = this.#sockets.get(effect.link);
        this.#sockets.delete(effect.link);
        if (connected) part(connected.socket);
        return;
      }
      case 'proved': {
        const connected = this.#sockets.get(effect.link);
        if (connected) this.#world.guard.prove(connected.connection);
        return;
      }
      case 'up':
        return this.#world.log.log('info', 'relay-up', { relay: effect.name, endpoints: effect.endpoints.join(' ') });
      case 'down':
        return this.#world.log.log('warn', 'relay-down', { relay: effect.name, reason: effect.reason });
      default:
        return unreachable(effect);
    }
  }
}

function part(socket: WebSocket): void {
  socket.close(GOING_AWAY);
  setTimeout(() => socket.terminate(), PARTING).unref();
}
