import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { encodeHedge, nextHedge } from '../../src/node/hedge-file.ts';
import { StateDir } from '../../src/node/state-dir.ts';
import { numbered, numbersOf } from './packets.ts';
import { seededRandom } from './seeded-random.ts';
import { World } from './world.ts';

describe('the hedge of ephemeral keys', () => {
  it('keeps its key over starts, and its counter grows', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gscip-hedge-'));
    try {
      const random = seededRandom('hedge');
      const seen = [1, 2, 3].map(() => {
        const state = new StateDir(folder);
        const hedge = nextHedge(state.hedge(), random);
        state.writeHedge(encodeHedge(hedge));
        return { key: toHex(hedge.key), bootCounter: hedge.bootCounter };
      });
      expect(seen.map(({ bootCounter }) => bootCounter)).toEqual([1, 2, 3]);
      expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['none', undefined],
    ['one cut off', new Uint8Array(35)],
    ['one too long', new Uint8Array(37)],
  ])('makes a new key where there is %s', (_, kept) => {
    const hedge = nextHedge(kept, seededRandom('fresh'));
    expect(hedge).toEqual({ key: seededRandom('fresh')(32), bootCounter: 1 });
  });

  it('wraps round after the last number', () => {
    const last = encodeHedge({ key: new Uint8Array(32).fill(7), bootCounter: 0xffffffff });
    expect(nextHedge(last, seededRandom('x'))).toEqual({ key: new Uint8Array(32).fill(7), bootCounter: 0 });
  });

  it('reaches the handshakes: two nodes of one random source and different hedges make different ephemerals', () => {
    const first = (bootCounter: number) => {
      const world = new World('hedged');
      world.authority.group('office');
      for (const name of ['a', 'b']) world.authority.add(name, ['office']);
      const hedge = { key: new Uint8Array(32).fill(9), bootCounter };
      const a = world.node('a', '10.0.0.1:47247', { hedge });
      const b = world.node('b', '10.0.0.2:47247');
      world.send(a, numbered(a, b, 1));
      world.run(50);
      expect(numbersOf(b)).toEqual([1]);
      return toHex(world.seen[0].bytes.subarray(12, 44));
    };
    expect(first(1)).toBe(first(1));
    expect(first(1)).not.toBe(first(2));
  });
});
