import { WebSocket } from 'ws';
import type { Millis } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { DatagramTunnel, type TunnelEffect } from './datagram-tunnel.ts';
import type { Dial } from './server-dial.ts';

/** What a tunnel tells the node. */
export interface TunnelCalls {
  /** as if over UDP from there; the bytes are the callee's */
  datagram(bytes: Uint8Array, from: PathAddress): void;
  /** HELLO and BIND have to come again: the server sees the node at another address */
  up(address: string): void;
  down(address: string, why: string): void;
  count(name: string): void;
}

export interface TunnelPorts {
  now(): Millis;
  random(length: number): Uint8Array;
  readonly dial?: Dial;
}

const CONNECTING = 8_000;
const MAX_DATAGRAM = 9_216;
/** Bytes that wait for a server which does not read; what comes then is lost, as on any full link. */
const MAX_BACKLOG = 256 << 10;
const TICK = 100;
const GOODBYE = 1_000;

/** Joins a tunnel with its WebSocket and the clock. The server's certificate is not looked at: what travels inside proves itself. */
export class TunnelShell {
  readonly #tunnel: DatagramTunnel;
  readonly #ports: TunnelPorts;
  readonly #calls: TunnelCalls;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(addresses: readonly string[], ports: TunnelPorts, calls: TunnelCalls) {
    this.#tunnel = new DatagramTunnel(addresses, ports.random);
    this.#ports = ports;
    this.#calls = calls;
  }

  get isUp(): boolean {
    return this.#tunnel.isUp;
  }

  get isWanted(): boolean {
    return this.#tunnel.isWanted;
  }

  setAddresses(addresses: readonly string[]): void {
    this.#tunnel.setAddresses(addresses);
  }

  want(): void {
    this.#timer ??= setInterval(() => this.#step(() => this.#tunnel.tick(this.#ports.now())), TICK);
    this.#step(() => this.#tunnel.want(this.#ports.now()));
  }

  unwant(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#step(() => this.#tunnel.unwant());
  }

  send(bytes: Uint8Array, to: PathAddress): void {
    this.#step(() => this.#tunnel.send(bytes, to));
  }

  #step(act: () => void): void {
    act();
    for (const effect of this.#tunnel.takeEffects()) this.#carryOut(effect);
  }

  #carryOut(effect: TunnelEffect): void {
    switch (effect.kind) {
      case 'connect':
        return this.#connect(effect.address);
      case 'disconnect':
        return this.#disconnect();
      case 'send':
        return this.#write(effect.bytes);
      case 'datagram':
        return this.#calls.datagram(effect.bytes, effect.from);
      case 'up':
        return this.#calls.up(effect.address);
      case 'down':
        return this.#calls.down(effect.address, effect.why);
      case 'counter':
        return this.#calls.count(effect.name);
      default:
        return unreachable(effect);
    }
  }

  #connect(address: string): void {
    this.#disconnect();
    const socket = new WebSocket(`wss://${address}/datagrams/1`, {
      rejectUnauthorized: false,
      handshakeTimeout: CONNECTING,
      maxPayload: MAX_DATAGRAM,
      perMessageDeflate: false,
      createConnection: this.#ports.dial,
    });
    this.#socket = socket;
    const step = (act: (now: Millis) => void) => {
      if (this.#socket === socket) this.#step(() => act(this.#ports.now()));
    };
    let why = 'the connection was closed';
    socket.binaryType = 'nodebuffer';
    socket.on('open', () => step((now) => this.#tunnel.handleOpened(now)));
    socket.on('message', (data, isBinary) => {
      if (isBinary && data instanceof Uint8Array) step(() => this.#tunnel.handleMessage(new Uint8Array(data)));
    });
    socket.on('error', (error) => {
      why = error.message || why;
    });
    socket.on('close', () => step((now) => this.#tunnel.handleClosed(why, now)));
  }

  /** After this its events are nobody's. */
  #disconnect(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    if (socket) setTimeout(() => socket.terminate(), GOODBYE).unref();
  }

  #write(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (!socket || socket.bufferedAmount > MAX_BACKLOG) return this.#calls.count('tunnel-full');
    socket.send(bytes);
  }
}
