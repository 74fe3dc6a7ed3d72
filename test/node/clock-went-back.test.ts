import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { millis, unixSeconds } from '../../src/base/brands.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { BundleKeys } from '../../src/node/bundle-keys.ts';
import { wallClock } from '../../src/node/clocks.ts';
import { type KeySource, sourceHealth } from '../../src/node/key-source.ts';
import { Authority } from './authority.ts';
import { seededRandom } from './seeded-random.ts';

const DAY = 86_400;
const NOW = unixSeconds(1_800_000_000);

beforeEach(() => void vi.setSystemTime(1_000 * NOW));
afterEach(() => void vi.useRealTimers());

it.each([
  ['nothing while the clock goes on', -DAY, []],
  ['nothing of some hours', 20 * 3_600, []],
  ['that its clock is or was wrong', 40 * DAY, ['clock-went-back']],
])('a node without a server says %s', (_what, ahead, codes) => {
  const authority = new Authority('went back', () => NOW);
  authority.group('office');
  authority.add('a', ['office']);
  const verified = authority.bundle('a');
  const persisted = { groups: {}, rosters: {}, leaseClock: NOW + ahead };
  const deps = { provider: nodeProvider, random: seededRandom('a'), wall: wallClock, persisted };
  const imported = { verified, bytes: new Uint8Array(0), admin: '' };
  const source: KeySource = { kind: 'file', imported, deps: {} };
  const lines = sourceHealth(source, new BundleKeys(verified, deps, millis(0)));
  expect(lines.map(({ code }) => code)).toEqual(codes);
  expect(lines[0]?.text ?? '40 days behind').toContain('40 days behind');
});
