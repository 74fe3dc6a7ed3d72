import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pathAddress, relayPath } from '../../src/base/path-address.ts';
import { metricsText } from '../../src/node/metrics.ts';
import type { PacketIo } from '../../src/node/packet-io.ts';
import { ServerMetrics } from '../../src/server/http/metrics.ts';
import { RelayMetrics } from '../../src/server/relay-metrics.ts';
import { pair, type SimNode } from './world.ts';

const TIMES: Pick<PacketIo, 'times' | 'workers'> = {
  times: () => ({ primitives: 1, policy: 2, batches: 3 }),
  workers: () => [],
};
const nodeText = ({ engine }: SimNode) => metricsText(engine, TIMES, 5);

/** Names in the text format of Prometheus, a histogram's with what is made of it. */
function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', kind]) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
}

async function serverText(): Promise<string> {
  const none = () => 0;
  const metrics = new ServerMetrics({ connectedNodes: none, openConnections: none, revision: none, rows: () => ({}) });
  try {
    return await metrics.text();
  } finally {
    metrics.close();
  }
}

const relayText = () =>
  new RelayMetrics(
    () => undefined,
    () => 0,
  ).text();

/** Every metric that the file names, in expressions and lists of labels. */
function namesInDashboard(): readonly string[] {
  const text = readFileSync(new URL('../../docs/grafana/gscip.json', import.meta.url), 'utf8');
  const asked = [...text.matchAll(/"(?:expr|query)": "((?:[^"\\]|\\.)*)"/g)].map(([, each = '']) => each);
  return [...new Set(asked.join(' ').match(/\b(?:gscip|process)_[a-z0-9_]+/g))];
}

describe('the dashboard', () => {
  it('names metrics that a node, a server or a relay has, and every one of theirs', async () => {
    const known = new Set([nodeText(pair().a), await serverText(), await relayText()].flatMap(namesIn));
    const named = namesInDashboard();
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    const isMissing = (name: string) => !named.includes(name) && !/_(sum|count)$/.test(name);
    expect([...known].filter(isMissing)).toEqual([]);
  });
});

describe('the metrics of a node', () => {
  it('count its peers by what leads to them', () => {
    const { a, b } = pair();
    const counted = () => nodeText(a).match(/^gscip_peers\{.*$/gm);
    const said = (direct: number, relay: number, none: number) => [
      `gscip_peers{path="direct"} ${direct}`,
      `gscip_peers{path="relay"} ${relay}`,
      `gscip_peers{path="none"} ${none}`,
    ];
    const peer = a.engine.node.paths.peer(b.keys.self().id);
    expect(counted()).toEqual(said(0, 0, 1));
    Object.assign(peer, { current: pathAddress('192.0.2.1:5') });
    expect(counted()).toEqual(said(1, 0, 0));
    Object.assign(peer, { current: relayPath(pathAddress('192.0.2.9:5'), 7) });
    expect(counted()).toEqual(said(0, 1, 0));
  });
});
