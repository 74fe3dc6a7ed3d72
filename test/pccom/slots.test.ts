import { describe, expect, it } from 'vitest';
import { saIndex } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { type PacketPrimitives, SA_STATS, SUITE, type Suite } from '../../src/base/primitives.ts';
import { FAILED_OPENS_CLOSE, VOLUME_HARD } from '../../src/pccom/limits.ts';
import type { PacketKey } from '../../src/pccom/packet-cipher.ts';
import { ReceiveLane } from '../../src/pccom/receive-lane.ts';
import { SendCounter } from '../../src/pccom/send-counter.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { innerPacket, payloadOf } from './inner-packet.ts';
import { counted, forge, laneKeys, openMessages, runsOf, sealPackets } from './primitive-kit.ts';

const KEYS = laneKeys(5);

function stats(primitives: PacketPrimitives, index: number): Record<string, number> | undefined {
  const out = new Float64Array(SA_STATS.length);
  if (!primitives.saStats(saIndex(index), out)) return undefined;
  const { length: _length, ...fields } = SA_STATS;
  return Object.fromEntries(Object.entries(fields).map(([name, position]) => [name, out[position]]));
}

const NO_STATS = {
  txPackets: 0,
  txBytes: 0,
  txVolume: 0,
  rxPackets: 0,
  rxBytes: 0,
  failedOpens: 0,
  rxVolume: 0,
  highestCounter: 0,
};

describeImplementations('SA slots', (primitives) => {
  const rx = (index: number, bits = 8_192, keys = KEYS) =>
    primitives.saInstallRx(saIndex(index), keys.suite, keys.key, keys.iv, bits);
  const tx = (index: number, keys = KEYS) =>
    primitives.saInstallTx(saIndex(index), keys.suite, keys.key, keys.iv, saIndex(8));

  it('gives the lowest free slot, with the high bits of the random number', () => {
    withBench(primitives, (bench) => {
      const [first, second] = [bench.reserve(0xffff_ffff), bench.reserve(0)];
      expect(first >>> 19).toBe(0x1fff);
      expect(second >>> 19).toBe(0);
      expect([first & 7, second & 7]).toEqual([0, 0]);
      expect(((second >>> 3) & 0xffff) - ((first >>> 3) & 0xffff)).toBe(1);
      primitives.saFree(first);
      expect((bench.reserve(0x1234_5678) >>> 3) & 0xffff).toBe((first >>> 3) & 0xffff);
    });
  });

  it('has 65,535 slots and then none', () => {
    const taken: number[] = [];
    for (let base = primitives.saReserve(0); base !== 0; base = primitives.saReserve(0)) taken.push(base);
    expect(taken).toHaveLength(65_535);
    expect(new Set(taken).size).toBe(65_535);
    for (const base of taken) primitives.saFree(saIndex(base));
    expect(primitives.saReserve(0)).toBe(taken[0]);
    primitives.saFree(saIndex(taken[0]));
  });

  it('K1: takes each key of a lane once, whatever happened in between', () => {
    withBench(primitives, (bench) => {
      const index = bench.reserve();
      expect([rx(index), tx(index)]).toEqual([true, true]);
      expect([rx(index), tx(index)]).toEqual([false, false]);
      primitives.saStopTx(index);
      expect([rx(index), tx(index)]).toEqual([false, false]);
    });
  });

  it('K1: a second key leaves the first one in place', () => {
    withBench(primitives, (bench) => {
      const index = bench.reserve();
      rx(index);
      rx(index, 8_192, laneKeys(6));
      const opened = openMessages(primitives, [{ bytes: forge(KEYS, index, 0, new Uint8Array(0)) }]);
      expect(runsOf(opened)).toHaveLength(1);
    });
  });

  it('K1: a slot given back and taken again has no keys, counters or window of before', () => {
    withBench(primitives, (bench) => {
      const index = bench.reserve(0x0008_0000);
      rx(index);
      tx(index);
      const datagram = forge(KEYS, index, 77, new Uint8Array(0));
      openMessages(primitives, [{ bytes: datagram }]);
      primitives.sealOne(index, payloadOf(5), 0, new Uint8Array(64));
      primitives.saFree(index);
      expect(stats(primitives, index)).toBeUndefined();
      const again = bench.reserve(0x0008_0000);
      expect(again).toBe(index);
      expect(stats(primitives, again)).toBeUndefined();
      const { counts } = counted(primitives, () => openMessages(primitives, [{ bytes: datagram.slice() }]));
      expect(counts).toEqual({ 'no-key': 1 });
      expect(tx(again)).toBe(true);
      expect(stats(primitives, again)).toEqual(NO_STATS);
      expect(rx(again)).toBe(true);
      expect(runsOf(openMessages(primitives, [{ bytes: forge(KEYS, index, 77, new Uint8Array(0)) }]))).toHaveLength(1);
    });
  });

  it('K1: each of the eight lanes has its own keys', () => {
    withBench(primitives, (bench) => {
      const base = bench.reserve();
      for (let lane = 0; lane < 8; lane++) expect(rx(base + lane, 8_192, laneKeys(lane))).toBe(true);
      const wrong = forge(laneKeys(1), base + 2, 0, new Uint8Array(0));
      expect(counted(primitives, () => openMessages(primitives, [{ bytes: wrong }])).counts).toEqual({
        'auth-failed': 1,
      });
      for (let lane = 0; lane < 8; lane++) {
        const bytes = forge(laneKeys(lane), base + lane, 0, new Uint8Array(0));
        expect(runsOf(openMessages(primitives, [{ bytes }]))[0]?.sa).toBe(base + lane);
      }
    });
  });

  it('K1: SAs that share a context of the addon, as there are too many, use their own keys in turn', () => {
    withBench(primitives, (bench) => {
      const all = Array.from({ length: 4_097 }, () => bench.reserve());
      const some = [0, 1_024, 2_048, 4_096].map((at, seed) => ({ index: all[at], keys: laneKeys(seed) }));
      for (const { index, keys } of some) expect([rx(index, 8_192, keys), tx(index, keys)]).toEqual([true, true]);
      const out = new Uint8Array(64);
      for (let round = 0; round < 3; round++)
        for (const { index, keys } of some) {
          primitives.sealOne(index, payloadOf(5), 0, out);
          expect(toHex(out.subarray(0, 37))).toBe(toHex(forge(keys, 8, round, payloadOf(5))));
          const bytes = forge(keys, index, round, new Uint8Array(0));
          expect(runsOf(openMessages(primitives, [{ bytes }]))[0]?.sa).toBe(index);
        }
    });
  });

  const refusals: readonly (readonly [string, (index: number) => boolean])[] = [
    ['a receive key of 16 bytes', (index) => rx(index, 8_192, { ...KEYS, key: KEYS.key.subarray(16) })],
    ['a send key of 33 bytes', (index) => tx(index, { ...KEYS, key: new Uint8Array(33) })],
    ['an iv of 8 bytes', (index) => rx(index, 8_192, { ...KEYS, iv: KEYS.iv.subarray(4) })],
    ['an iv of 16 bytes', (index) => tx(index, { ...KEYS, iv: new Uint8Array(16) })],
    ['another window size', (index) => rx(index, 4_096)],
    ['a window of no bits', (index) => rx(index, 0)],
    ['an unknown suite', (index) => rx(index, 8_192, { ...KEYS, suite: unknownSuite() })],
    ['a slot that nobody reserved', (index) => rx(index + 8 * 60_000)],
    ['slot 0', () => rx(0)],
    ['an older user of the slot', (index) => tx((index ^ 0x8000_0000) >>> 0)],
  ];
  for (const [name, install] of refusals) {
    it(`refuses to install ${name}`, () => {
      withBench(primitives, (bench) => {
        const index = bench.reserve();
        expect(install(index)).toBe(false);
        expect([rx(index), tx(index)]).toEqual([true, true]);
      });
    });
  }

  it('frees by the base index only', () => {
    withBench(primitives, (bench) => {
      const index = bench.reserve();
      rx(index);
      for (const other of [index + 1, index ^ 0x0010_0000, 0]) primitives.saFree(saIndex(other));
      expect(stats(primitives, index)).toEqual(NO_STATS);
    });
  });

  it('names only a reserved path, and only for a reserved slot', () => {
    withBench(primitives, (bench) => {
      const index = bench.reserve();
      const path = bench.path();
      expect(primitives.saPath(index, path)).toBe(true);
      for (const unknown of [0, path + 1, -1, 70_000]) expect(primitives.saPath(index, unknown)).toBe(false);
      expect(primitives.saPath(saIndex(index + 8), path)).toBe(false);
    });
  });

  it('refuses an address, port or prefix of a wrong size, and a path not reserved', () => {
    withBench(primitives, (bench) => {
      const path = bench.path();
      const v4 = Uint8Array.of(10, 0, 0, 1);
      expect(primitives.pathSet(path, new Uint8Array(16), 65_535, new Uint8Array(8))).toBe(true);
      expect(primitives.pathSet(path, v4, 1, null)).toBe(true);
      for (const size of [0, 5, 15, 17]) expect(primitives.pathSet(path, new Uint8Array(size), 1, null)).toBe(false);
      for (const port of [0, -1, 65_536]) expect(primitives.pathSet(path, v4, port, null)).toBe(false);
      expect(primitives.pathSet(path, v4, 1, new Uint8Array(7))).toBe(false);
      expect(primitives.pathSet(path + 1, v4, 1, null)).toBe(false);
      expect(primitives.pathSet(0, v4, 1, null)).toBe(false);
    });
  });

  it('K2: sealOne counts from 0 up and repeats no nonce, whatever is sealed by batch in between', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const out = new Uint8Array(64);
      expect(primitives.sealOne(index, Uint8Array.of(9), 0, out)).toBe(33);
      expect(toHex(out.subarray(0, 33))).toBe(toHex(forge(keys, index, 0, Uint8Array.of(9))));
      const batch = sealPackets(
        primitives,
        [1, 2].map((seed) => ({ bytes: payloadOf(10, seed), sa: index })),
      );
      expect(toHex(batch.out.subarray(0, 42))).toBe(toHex(forge(keys, index, 1, payloadOf(10, 1))));
      expect(toHex(batch.out.subarray(42, 84))).toBe(toHex(forge(keys, index, 2, payloadOf(10, 2))));
      expect(primitives.sealOne(index, new Uint8Array(0), 1, out)).toBe(32);
      expect(toHex(out.subarray(0, 32))).toBe(toHex(forge(keys, index, 3, new Uint8Array(0), 1)));
    });
  });

  it('K2: no primitive has room for a nonce or a counter in its arguments', () => {
    const lengths = ['sealBatch', 'sealOne', 'openBatch'] as const;
    expect(lengths.map((name) => primitives[name].length <= 5)).toEqual([true, true, true]);
  });

  it('sealOne refuses other flags, a small output, a stopped and a missing key', () => {
    withBench(primitives, (bench) => {
      const { index } = bench.loop();
      const out = new Uint8Array(64);
      const plaintext = payloadOf(10);
      const attempts = counted(primitives, () => [
        primitives.sealOne(index, plaintext, 2, out),
        primitives.sealOne(index, plaintext, -1, out),
        primitives.sealOne(index, plaintext, 0, out.subarray(0, 41)),
        primitives.sealOne(saIndex(index + 1), plaintext, 0, out),
        primitives.sealOne(saIndex(0), plaintext, 0, out),
      ]);
      expect(attempts).toEqual({ result: [0, 0, 0, 0, 0], counts: {} });
      primitives.saStopTx(index);
      expect(primitives.sealOne(index, plaintext, 0, out)).toBe(0);
    });
  });

  it('saStopTx leaves receiving alone', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      primitives.saStopTx(index);
      expect(runsOf(openMessages(primitives, [{ bytes: forge(keys, index, 4, innerPacket({})) }]))).toHaveLength(1);
    });
  });

  for (const [name, suite] of Object.entries(SUITE)) {
    it(`counts packets, bytes, volume, failures and the newest counter with ${name}`, () => {
      withBench(primitives, (bench) => {
        const { index, keys } = bench.loop({ suite });
        expect(stats(primitives, index)).toEqual(NO_STATS);
        for (const size of [0, 1, 16, 17]) primitives.sealOne(index, payloadOf(size), 0, new Uint8Array(64));
        const sent = { txPackets: 4, txBytes: 34, txVolume: 1 + 2 + 2 + 3 };
        expect(stats(primitives, index)).toEqual({ ...NO_STATS, ...sent });
        const packet = innerPacket({ payload: payloadOf(1) });
        const damaged = forge(keys, index, 2 ** 33 + 5, packet);
        damaged[40] ^= 1;
        for (const bytes of [forge(keys, index, 2 ** 33, packet), damaged, forge(keys, index, 2 ** 33, packet)])
          openMessages(primitives, [{ bytes }]);
        const received = { rxPackets: 1, rxBytes: 41, rxVolume: 4, failedOpens: 1, highestCounter: 2 ** 33 };
        expect(stats(primitives, index)).toEqual({ ...NO_STATS, ...sent, ...received });
      });
    });
  }
});

function unknownSuite(): Suite {
  return JSON.parse('3');
}

const idleKey: PacketKey = { seal: () => undefined, openInPlace: () => false, wipe: () => undefined };

describe('keys inside the lanes (typescript)', () => {
  it('K1: freeing a slot wipes each of its keys, stopping wipes the send key', () => {
    const wiped: string[] = [];
    const load = (suite: Suite, key: Uint8Array) => ({ ...idleKey, wipe: () => wiped.push(`${suite}:${key[0]}`) });
    const primitives = new TypescriptPrimitives({ name: 'watched', load });
    const index = primitives.saReserve(0);
    const key = (first: number) => KEYS.key.with(0, first);
    primitives.saInstallRx(index, SUITE.aes256gcm, key(1), KEYS.iv, 8_192);
    primitives.saInstallTx(index, SUITE.aes256gcm, key(2), KEYS.iv, saIndex(8));
    primitives.saInstallTx(saIndex(index + 7), SUITE.chacha20poly1305, key(3), KEYS.iv, saIndex(8));
    primitives.saStopTx(index);
    expect(wiped).toEqual(['1:2']);
    primitives.saFree(index);
    expect(wiped).toEqual(['1:2', '1:1', '2:3']);
  });

  it('K2: the send counter carries into its high half', () => {
    const counter = new SendCounter(6, 0xffff_fffe);
    const seen = [0, 1, 2].map(() => {
      counter.advance();
      return [counter.high, counter.low];
    });
    expect(seen).toEqual([
      [6, 0xffff_ffff],
      [7, 0],
      [7, 1],
    ]);
  });

  it('K6: a lane seals up to the hard volume and then refuses', () => {
    const primitives = new TypescriptPrimitives({ name: 'idle', load: () => idleKey });
    const index = primitives.saReserve(0);
    primitives.saInstallTx(index, SUITE.aes256gcm, KEYS.key, KEYS.iv, saIndex(8));
    const plaintext = new Uint8Array(16 * (2 ** 16 - 1) * 16);
    const out = new Uint8Array(plaintext.length + 32);
    const each = plaintext.length / 16 + 1;
    const most = Math.floor(VOLUME_HARD / each);
    for (let i = 0; i < most; i++) primitives.sealOne(index, plaintext, 0, out);
    expect(stats(primitives, index)?.['txVolume']).toBe(most * each);
    expect(counted(primitives, () => primitives.sealOne(index, plaintext, 0, out))).toEqual({
      result: 0,
      counts: { 'counter-exhausted': 1 },
    });
    const left = VOLUME_HARD - most * each;
    const filler = new Uint8Array((left - 1) * 16);
    expect(primitives.sealOne(index, filler, 0, out)).toBe(filler.length + 32);
    expect(stats(primitives, index)?.['txVolume']).toBe(VOLUME_HARD);
    expect(primitives.sealOne(index, new Uint8Array(0), 0, out)).toBe(0);
    const path = primitives.pathReserve();
    primitives.pathSet(path, Uint8Array.of(10, 0, 0, 1), 1, null);
    primitives.saPath(index, path);
    const packets = [1, 2].map((seed) => ({ bytes: payloadOf(20, seed), sa: index }));
    const { counts } = counted(primitives, () => sealPackets(primitives, packets));
    expect(counts).toEqual({ 'counter-exhausted': 2 });
  });

  it('K6: a lane is given up after 2^36 failed opens', () => {
    const lane = new ReceiveLane(idleKey, KEYS.iv, 8_192);
    lane.failed = FAILED_OPENS_CLOSE - 1;
    expect(lane.alive).toBe(true);
    const datagram = forge(KEYS, 8, 0, new Uint8Array(0));
    expect(lane.open(datagram, new DataView(datagram.buffer), 0, datagram.length)).toBe('auth-failed');
    expect(lane.alive).toBe(false);
  });
});
