import type { RemoteInfo, Socket } from 'node:dgram';
import { formatAddress, parseAddress } from '../base/ip-address.ts';
import { MESSAGE } from '../base/primitives.ts';
import type { BatchSocket, TakeMessages } from './batch-socket.ts';
import { eachRun } from './relay-runs.ts';

/** A socket of node:dgram behind the same face: batches of one datagram. */
export class NodeSocket implements BatchSocket {
  readonly implementation = 'node';
  readonly relayWalk = undefined;
  readonly port: number;
  readonly family: 4 | 6;
  readonly #socket: Socket;
  readonly #row = new Int32Array(MESSAGE.stride);
  #refused = 0;
  #closed = false;

  /** `socket` is bound. */
  constructor(socket: Socket) {
    const { port, family } = socket.address();
    this.#socket = socket;
    this.port = port;
    this.family = family === 'IPv4' ? 4 : 6;
  }

  get refused(): number {
    return this.#refused;
  }

  start(take: TakeMessages): void {
    this.#socket.on('message', (bytes, from) => this.#received(bytes, from, take));
  }

  send(bytes: Uint8Array, segment: number, address: Uint8Array, port: number): void {
    if (this.#closed) return;
    const text = formatAddress(address);
    const to = address.length === 4 && this.family === 6 ? `::ffff:${text}` : text;
    // The socket keeps the bytes until they are sent, so each datagram is a copy.
    for (let at = 0; at < bytes.length; at += segment)
      this.#socket.send(bytes.slice(at, at + segment), port, to, (error) => {
        if (error) this.#refused++;
      });
  }

  sendRuns(arena: Uint8Array, runs: Int32Array, count: number, ends: Int32Array): void {
    for (const { offset, length, segment, address, port } of eachRun(runs, count, ends))
      this.send(arena.subarray(offset, offset + length), segment, address, port);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #received(bytes: Uint8Array, from: RemoteInfo, take: TakeMessages): void {
    const address = parseAddress(from.address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, ''));
    if (!address) return;
    const row = this.#row.fill(0);
    row[MESSAGE.length] = bytes.length;
    row[MESSAGE.segment] = bytes.length;
    row[MESSAGE.family] = address.length === 4 ? 4 : 6;
    const words = new Int32Array(4);
    new Uint8Array(words.buffer).set(address);
    row.set(words, MESSAGE.address);
    row[MESSAGE.port] = from.port;
    take(bytes, row, 1, false);
  }
}
