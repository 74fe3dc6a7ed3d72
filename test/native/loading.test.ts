import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { PRIMITIVE_COUNTERS, SUITE } from '../../src/base/primitives.ts';
import { type Addon, loadAddon } from '../../src/native/addon.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';
import { needAddon } from './need-addon.ts';

const addon = needAddon();
const ADDON_FILE = new URL('../../build/gscip.node', import.meta.url).pathname;

/** Loads the addon in a worker, runs `body` with it there, and returns what it posts. */
function inWorker(body: string, data: unknown = null): Promise<unknown> {
  const script = `const { parentPort, workerData } = require('node:worker_threads');
    const addon = require(${JSON.stringify(ADDON_FILE)});
    ${body}`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { eval: true, workerData: data });
    let result: unknown;
    worker.once('message', (message) => {
      result = message;
    });
    worker.once('error', reject);
    worker.once('exit', () => resolve(result));
  });
}

describe('loading the addon', () => {
  it('gives the primitives', () => expect(addon.implementation).toBe('addon'));

  it('gives a reason instead of throwing where the file is missing', () => {
    expect(loadAddon('../../build/no-such-file.node')).toMatch(/no-such-file/);
  });

  it('has one counter for each name', () => expect(addon.counters()).toHaveLength(PRIMITIVE_COUNTERS.length));

  it('hands out the same live counters again', () => expect(addon.counters()).toBe(addon.counters()));
});

describe('calls with arguments of a wrong type', () => {
  const floats = new Float64Array(8);
  const rows: readonly (readonly [string, () => unknown])[] = [
    ['a string for a number', () => Reflect.apply(addon.saReserve, addon, ['7'])],
    ['no arguments', () => Reflect.apply(addon.openBatch, addon, [])],
    ['a Float64Array for an arena', () => Reflect.apply(addon.openBatch, addon, [floats, floats, 1, floats, floats])],
    ['an ArrayBuffer for bytes', () => Reflect.apply(addon.sealOne, addon, [8, new ArrayBuffer(8), 0, floats])],
    ['a short array for the statistics', () => addon.saStats(addon.saReserve(0), new Float64Array(7))],
  ];
  for (const [name, call] of rows) it(`throw a TypeError: ${name}`, () => expect(call).toThrow(TypeError));
});

describe('several environments', () => {
  it('K1: share the slots of the process', async () => {
    const base = addon.saReserve(0x7f000000);
    const install = `const key = new Uint8Array(32), iv = new Uint8Array(12);
      parentPort.postMessage(addon.saInstallTx(workerData, 1, key, iv, 77));`;
    expect(await inWorker(install, base)).toBe(true);
    expect(addon.saInstallTx(base, SUITE.aes256gcm, new Uint8Array(32), new Uint8Array(12), base)).toBe(false);
    expect(await inWorker(install, base)).toBe(false);
    addon.saFree(base);
  });

  it('K2: one counter runs over what several seal', async () => {
    const base = addon.saReserve(0);
    addon.saInstallTx(base, SUITE.aes256gcm, new Uint8Array(32), new Uint8Array(12), base);
    const seal = `const out = new Uint8Array(32);
      for (let i = 0; i < 1000; i++) addon.sealOne(workerData, new Uint8Array(0), 0, out);
      parentPort.postMessage(out[8] | (out[9] << 8));`;
    const last = await Promise.all([inWorker(seal, base), inWorker(seal, base), inWorker(seal, base)]);
    const out = new Uint8Array(32);
    addon.sealOne(base, new Uint8Array(0), 0, out);
    expect(Math.max(...last.map(Number))).toBe(2999);
    expect(out[8] | (out[9] << 8)).toBe(3000);
    addon.saFree(base);
  });

  it('count for themselves', async () => {
    const before = addon.counters().slice();
    const theirs = await inWorker(`const out = new Uint8Array(32), index = addon.saReserve(0);
      addon.saInstallTx(index, 1, new Uint8Array(32), new Uint8Array(12), 5);
      addon.sealOne(index, new Uint8Array(0), 0, out); addon.saFree(index);
      parentPort.postMessage([...addon.counters()]);`);
    const sealed = PRIMITIVE_COUNTERS.indexOf('sealed');
    expect(theirs).toHaveProperty(String(sealed), 1);
    expect(addon.counters()).toEqual(before);
  });

  it('end cleanly while they watch a descriptor', async () => {
    const result = await inWorker(`const socket = addon.udpOpen({ port: 0, gro: false, gso: false, reusePort: false });
      addon.pollStart(socket.fd, () => {});
      addon.pollStart(addon.udpOpen({ port: 0, gro: false, gso: false, reusePort: false }).fd, () => {});
      parentPort.postMessage('watching'); process.exit(0);`);
    expect(result).toBe('watching');
  });

  it('take arenas and tables in shared memory', () => {
    const arena = new Uint8Array(new SharedArrayBuffer(64));
    const tables = new Int32Array(new SharedArrayBuffer(4 * 40));
    const [messages, records, runs] = [tables.subarray(0, 12), tables.subarray(12, 16), tables.subarray(16, 28)];
    arena.set([0x01, 0x02, 0x03], 8);
    messages.set([8, 3, 3]);
    expect(addon.openBatch(arena, messages, 1, records, runs)).toBe(1);
    expect([...records]).toEqual([8, 3, 0, 0]);
  });
});

describe('keys', () => {
  it('K3: an SA of the addon is unknown to the twin', () => {
    const twin = new TypescriptPrimitives(nodePacketCipher);
    const [key, iv] = [new Uint8Array(32).fill(9), new Uint8Array(12)];
    const index = addon.saReserve(0x3000_0000);
    addon.saInstallTx(index, SUITE.aes256gcm, key, iv, index);
    expect(twin.sealOne(index, new Uint8Array(0), 0, new Uint8Array(32))).toBe(0);
    expect(twin.saInstallTx(index, SUITE.aes256gcm, key, iv, index)).toBe(false);
    addon.saFree(index);
  });

  it('K3: a key belongs to its slot: what the caller does to its copy changes nothing', () => {
    const key = new Uint8Array(32).fill(0x77);
    const [index, out] = [addon.saReserve(0), new Uint8Array(35)];
    addon.saInstallTx(index, SUITE.aes256gcm, key, new Uint8Array(12), index);
    addon.saInstallRx(index, SUITE.aes256gcm, key, new Uint8Array(12), 8192);
    key.fill(0);
    addon.sealOne(index, Uint8Array.of(0x0b, 0, 0), 0, out);
    const [messages, records, runs] = [new Int32Array(12), new Int32Array(4), new Int32Array(12)];
    messages.set([0, 35, 35]);
    expect(addon.openBatch(out, messages, 1, records, runs)).toBe(1);
    expect([...out.subarray(16, 19)]).toEqual([0x0b, 0, 0]);
    addon.saFree(index);
  });
});

describe('the type of the addon', () => {
  it('names every function that the module exports, and no other', () => {
    const named: Record<keyof Addon, true> = {
      implementation: true,
      saReserve: true,
      saInstallRx: true,
      saInstallTx: true,
      saPath: true,
      saStopTx: true,
      saFree: true,
      saStats: true,
      pathReserve: true,
      pathSet: true,
      pathFree: true,
      sealBatch: true,
      sealOne: true,
      openBatch: true,
      recordCount: true,
      coalesceBatch: true,
      counters: true,
      x25519PublicKey: true,
      ed25519PublicKey: true,
      x25519Agree: true,
      ed25519Sign: true,
      ed25519Verify: true,
      sha256: true,
      hmacSha256: true,
      hkdfExpand: true,
      chachaSeal: true,
      chachaOpen: true,
      tunOpen: true,
      tunReadBatch: true,
      deliver: true,
      udpOpen: true,
      tcpConnect: true,
      tcpBind: true,
      udpReceiveBatch: true,
      sealAndSend: true,
      udpSend: true,
      udpState: true,
      netlinkOpen: true,
      netlinkDrain: true,
      nftGeneration: true,
      giveBackMemory: true,
      noticeSend: true,
      icmpOpen: true,
      icmpRead: true,
      pollStart: true,
      pollStop: true,
      close: true,
      relayWalk: true,
      udpSendRuns: true,
      tunSteer: true,
      udpSteer: true,
      wakeOpen: true,
      wake: true,
      wakeTake: true,
    };
    expect(Object.keys(addon).sort()).toEqual(Object.keys(named).sort());
  });
});
