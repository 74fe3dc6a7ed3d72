import { WebSocket } from 'ws';
import { MAX_RELAY_MESSAGE } from '../api/channel/relay-message.ts';
import type { Millis } from '../base/brands.ts';
import type { Logger } from '../base/log.ts';
import { unreachable } from '../base/unreachable.ts';
import { type EndEffect, RelayEnd, type RelayEndDeps } from './relay-link/relay-end.ts';

/** What a server has the relay do. */
export type LinkOrder = Extract<EndEffect, { kind: 'order' }>['order'];

interface LinkWorld {
  readonly now: () => Millis;
  readonly log: Logger;
  readonly order: (order: LinkOrder) => void;
}

const TICK = 100;
const CONNECTING = 4_000;
const PARTING = 500;

/** A relay's link to one server. Its TLS certificate is not looked at: the handshake inside proves who the server is. */
export class RelayLinkShell {
  readonly #address: string;
  readonly #end: RelayEnd;
  readonly #world: LinkWorld;
  readonly #timer: NodeJS.Timeout;
  #socket: WebSocket | undefined;

  /** `address`: "HOST:PORT" */
  constructor(address: string, deps: RelayEndDeps, world: LinkWorld) {
    this.#address = address;
    this.#world = world;
    this.#end = new RelayEnd(deps);
    this.#timer = setInterval(() => this.#step((now) => this.#end.tick(now)), TICK);
    this.#step((now) => this.#end.tick(now));
  }

  get isUp(): boolean {
    return this.#end.isUp;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#step(() => this.#end.close());
  }

  #step(act: (now: Millis) => void): void {
    act(this.#world.now());
    for (const effect of this.#end.takeEffects()) this.#carryOut(effect);
  }

  #carryOut(effect: EndEffect): void {
    const server = this.#address;
    switch (effect.kind) {
      case 'connect':
        return this.#connect();
      case 'disconnect':
        return this.#disconnect();
      case 'send':
        return this.#socket?.send(effect.frame);
      case 'order':
        return this.#world.order(effect.order);
      case 'up':
        return this.#world.log.log('info', 'relay-linked', { server });
      case 'down':
        return this.#world.log.log('warn', 'relay-unlinked', { server, reason: effect.why });
      default:
        return unreachable(effect);
    }
  }

  #connect(): void {
    const socket = new WebSocket(`wss://${this.#address}/relay/1`, {
      rejectUnauthorized: false,
      handshakeTimeout: CONNECTING,
      maxPayload: MAX_RELAY_MESSAGE,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    const step = (act: (now: Millis) => void) => {
      if (this.#socket === socket) this.#step(act);
    };
    let why = 'the connection was closed';
    socket.binaryType = 'nodebuffer';
    socket.on('open', () => step(() => this.#end.handleOpened()));
    socket.on('message', (data, isBinary) => {
      if (isBinary && data instanceof Uint8Array) step((now) => this.#end.handleFrame(new Uint8Array(data), now));
    });
    socket.on('error', (error) => {
      why = error.message || why;
    });
    socket.on('close', () => step((now) => this.#end.handleClosed(why, now)));
  }

  #disconnect(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.close();
    setTimeout(() => socket.terminate(), PARTING).unref();
  }
}
