import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { maySteer } from './may-steer.ts';

it('both directions of a flow have one queue of a device, by the number that the program computes, too; of sockets at one port the first gets all that is no data', () =>
  withLab(async (lab) => {
    const text = await lab.namespace('a').run([pinnedNode(), join(PROJECT, 'test/native/steered.ts')], { seconds: 30 });
    const { steered, counts, protocols, wrong, mirrored, share } = JSON.parse(text);
    expect(steered).toBe(maySteer() ? '' : 'EPERM');
    if (maySteer()) expect(wrong).toBe(0);
    expect(mirrored).toBe(protocols[0] + protocols[1]);
    expect(Math.min(...protocols)).toBeGreaterThanOrEqual(120);
    expect(Math.min(...counts)).toBeGreaterThan(30);
    const [first, second] = share.counts;
    expect(share.filtered).toBe('');
    expect(first.data + second.data).toBe(40);
    expect(Math.min(first.data, second.data)).toBeGreaterThan(3);
    expect([first.other, second.other]).toEqual([40 * 31, 0]);
  }));
