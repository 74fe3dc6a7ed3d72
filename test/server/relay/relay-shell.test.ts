import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { millis, type NodeId, nodeId } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { formatPath, pathAddress } from '../../../src/base/path-address.ts';
import { MESSAGE } from '../../../src/base/primitives.ts';
import { RELAY_END, RELAY_RUN } from '../../../src/base/relay-primitives.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { type BinderEffect, RelayBinder } from '../../../src/nat/relay-binder.ts';
import { encodeFrame } from '../../../src/nat/relay-frame.ts';
import { relayKeyOf } from '../../../src/server/datagrams/relay-keys.ts';
import { RELAY_RATES } from '../../../src/server/relay/relay-limits.ts';
import { RelayShell } from '../../../src/server/relay-shell.ts';
import type { BatchSocket } from '../../../src/udp/batch-socket.ts';
import { openBatchSocket } from '../../../src/udp/open-batch-socket.ts';
import { SECRET } from './relay-world.ts';

const WITHOUT = 'GSCIP_WITHOUT_ADDON';
const ending: (() => void)[] = [];
afterEach(() => {
  delete process.env[WITHOUT];
  for (const end of ending.splice(0)) end();
});

const now = () => millis(performance.now());
let seq = 1;

async function open(): Promise<BatchSocket> {
  const socket = await openBatchSocket({ address: '127.0.0.1', port: 0, gro: true });
  if (typeof socket === 'string') throw new Error(socket);
  ending.push(() => socket.close());
  return socket;
}

/** A relay on the loopback device. */
class Served {
  readonly counters = new Map<string, number>();
  readonly shell: RelayShell;
  readonly at: number;

  constructor(socket: BatchSocket) {
    this.at = socket.port;
    const place = { overlay: [], sockets: [], allowPrivate: true, allowLoopback: true };
    const random = (length: number) => new Uint8Array(randomBytes(length));
    const members = { isActive: () => true };
    const count = (name: string, by: number) => void this.counters.set(name, (this.counters.get(name) ?? 0) + by);
    const deps = { provider: nodeProvider, random, relaySecret: SECRET, members, place };
    this.shell = new RelayShell(deps, RELAY_RATES, socket, { now, count, log: { log: () => undefined } }, undefined);
    ending.push(() => this.shell.stop());
  }
}

/** A node with one channel, and the numbers in the frames that it gets. */
class End {
  readonly heard: number[] = [];
  readonly socket: BatchSocket;
  readonly #relay: number;
  #effects: (effects: readonly BinderEffect[]) => void = () => undefined;
  #binder: RelayBinder;

  constructor(socket: BatchSocket, self: NodeId, relay: number) {
    this.socket = socket;
    this.#relay = relay;
    const random = (length: number) => new Uint8Array(randomBytes(length));
    this.#binder = new RelayBinder({ provider: nodeProvider, random, self, nextSeq: () => ++seq });
    socket.start(
      (arena, rows, count) => this.#take(arena, rows, count),
      (reason) => expect.fail(reason),
    );
  }

  /** Resolves when it is bound. */
  bind(channel: number, self: NodeId): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#effects = (effects) => {
        for (const effect of effects) {
          if (effect.kind === 'bound') resolve();
          if (effect.kind === 'unbound') reject(new Error(effect.cause));
          if (effect.kind === 'send') this.#send(effect.bytes, effect.bytes.length);
        }
      };
      const key = relayKeyOf(nodeProvider, SECRET, self);
      this.#effects(this.#binder.bind(pathAddress(`127.0.0.1:${this.#relay}`), channel, key, now()));
    });
  }

  /** Frames of the channel with the numbers `from` to `to`, as one run. */
  say(channel: number, from: number, to: number, size: number): void {
    const frames = Array.from({ length: to - from }, (_, at) => {
      const bytes = new Uint8Array(size - 8).fill(0x10);
      new DataView(bytes.buffer).setUint32(1, from + at);
      return concat(encodeFrame(channel), bytes);
    });
    this.#send(concat(...frames), size);
  }

  #send(bytes: Uint8Array, segment: number): void {
    const ends = new Int32Array(RELAY_END.stride);
    ends.set([4, 0x0100007f, 0, 0, 0, this.#relay]);
    const runs = new Int32Array(RELAY_RUN.stride);
    runs.set([0, bytes.length, segment, 0]);
    this.socket.sendRuns(bytes, runs, 1, ends);
  }

  #take(arena: Uint8Array, rows: Int32Array, count: number): void {
    const view = new DataView(arena.buffer, arena.byteOffset);
    for (let row = 0; row < count * MESSAGE.stride; row += MESSAGE.stride) {
      const [offset, length, segment] = rows.subarray(row);
      for (let at = offset; at < offset + length; at += segment) {
        if (arena[at] === 0x20) this.heard.push(view.getUint32(at + 9));
        else {
          const from = formatPath(4, Uint8Array.of(127, 0, 0, 1), rows[row + MESSAGE.port]);
          this.#effects(this.#binder.handleDatagram(arena.slice(at, at + segment), from, 25_000, now()));
        }
      }
    }
  }
}

describe.each([
  ['addon', '64 bytes', 64],
  ['addon', '1,400 bytes', 1_400],
  ['node', '1,400 bytes', 1_400],
] as const)('the relay of a server over sockets of the %s', (kind, size, bytes) => {
  it(`carries runs of several nodes whole and in order, in frames of ${size}`, async () => {
    if (kind === 'node') process.env[WITHOUT] = '1';
    const relay = new Served(await open());
    const pairs = await Promise.all(
      [1, 2, 3].map(async (channel) => {
        const names = [nodeId(`a${channel}`.repeat(16)), nodeId(`b${channel}`.repeat(16))] as const;
        relay.shell.allow(channel, names);
        const made = async (name: NodeId) => {
          const end = new End(await open(), name, relay.at);
          await end.bind(channel, name);
          return end;
        };
        return { channel, from: await made(names[0]), to: await made(names[1]) };
      }),
    );
    for (let first = 0; first < 240; first += 40) {
      for (const { channel, from } of pairs) from.say(channel, first, first + 40, bytes);
      // the twin sends one by one, and its sockets hold little
      await expect.poll(() => pairs.every(({ to }) => to.heard.length === first + 40), { interval: 1 }).toBe(true);
    }
    const all = Array.from({ length: 240 }, (_, at) => at);
    for (const { to } of pairs) expect(to.heard).toEqual(all);
    expect(relay.shell.numbers()).toEqual({ channels: 3, datagrams: 720, bytes: 720 * bytes });
    pairs[0].from.say(2, 0, 5, bytes);
    await expect.poll(() => relay.counters.get('relay-unbound')).toBe(5);
    expect([...relay.counters.keys()]).toEqual(['relay-unbound']);
  });
});
