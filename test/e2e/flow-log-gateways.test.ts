import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ExplainAnswer } from '../../src/api/questions.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { withGateways } from './gateways.ts';
import { GSCIP, gscip } from './two-nodes.ts';

async function explain(node: OverlayNode, ...words: readonly string[]): Promise<ExplainAnswer> {
  return JSON.parse((await gscip(node.namespace, 'explain', ...words, '--json', '--socket', node.socket)).stdout);
}

describe('plain machines behind two routers', () => {
  it('are explained at each router and at a member, and recorded by the router before them', () =>
    withGateways(async (network) => {
      const { a, b, member, lab } = network;
      await network.up();
      const path = join(lab.folder, 'flows.jsonl');
      const words = ['pit', 'export', '--out', path, '--socket', b.node.socket];
      const exporting = b.router.start([...GSCIP, ...words]);
      const records = () => readFileSync(path, { encoding: 'utf8', flag: 'a+' });
      await until('a flow on record', async () => {
        expect((await a.terminal.attempt(['ping', '-c', '1', '-W', '2', b.v4], { seconds: 10 })).code).toBe(0);
        return records().includes('"begin"');
      });
      exporting.signal('SIGTERM');
      expect(await exporting.exited).toBe(0);
      expect(JSON.parse(records().trim().split('\n').at(-1) ?? '')).toMatchObject({
        event: 'begin',
        node: { name: 'gb' },
        source: { address: a.v4, node: 'ga' },
        destination: { address: b.v4, node: 'gb' },
        action: 'encrypt',
        group: 'office',
        peer: 'ga',
      });

      const element = { type: 'gen', rule: 7, action: expect.stringMatching(/^ENC\(office, v\d+\)$/) };
      for (const node of [a.node, b.node])
        expect(await explain(node, a.v4, b.v4, 'icmp')).toMatchObject({
          source: { asked: a.v4, node: 'ga', behind: true },
          destination: { asked: b.v4, node: 'gb', behind: true },
          elements: [
            { ...element, name: 'ga', side: 'S' },
            { ...element, name: 'gb', side: 'D' },
          ],
          result: 'encrypt',
          certain: true,
          now: { flows: expect.arrayContaining([expect.objectContaining({ source: a.v4, destination: b.v4 })]) },
        });
      // a third node knows the group of the two, and that it may not know all
      expect(await explain(member, a.v4, b.v4)).toMatchObject({ result: 'encrypt', certain: false, now: null });
      // two machines of one network, which the router does not stand between
      expect(await explain(a.node, '10.1.0.10', '10.1.0.11')).toMatchObject({
        elements: [{ name: 'ga', side: 'B', action: 'RELAY-P' }],
        result: 'relay-plain',
      });
    }));
});
