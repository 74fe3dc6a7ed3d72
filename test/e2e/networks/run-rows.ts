import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../../../src/cli/lab/lab.ts';
import { Network } from './network.ts';
import type { Row } from './row.ts';
import { seenActions } from './seen-actions.ts';

/** Builds one network that holds all of the rows, and has each of them run to overlay and to ordinary addresses, from both ends. */
export function runRows(rows: readonly Row[]): void {
  const lab = new Lab();
  let network: Network;
  beforeAll(async () => {
    network = new Network(lab, rows);
    await network.up();
  }, 180_000);
  afterAll(() => lab.close());

  describe.each(rows)('$name: $path', (row) => {
    it('to an overlay address', async () => {
      for (const isBack of [false, true]) {
        const seen = await seenActions(network, network.placed(row), 'overlay', isBack);
        // no packet reaches what is behind the element that discards
        expect(seen.replaceAll('–', 'DISCARD'), isBack ? 'back' : 'there').toBe(row.overlay);
      }
    });

    it('to an ordinary address', async () => {
      const placed = network.placed(row);
      expect(await seenActions(network, placed, 'ordinary'), 'there').toBe(row.ordinary);
      expect(await seenActions(network, placed, 'ordinary', true), 'back').toBe(row.ordinaryBack);
    });
  });
}
