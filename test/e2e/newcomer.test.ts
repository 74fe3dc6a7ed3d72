import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TraceAnswer } from '../../src/api/questions.ts';
import { watch } from '../../src/cli/control-client.ts';
import { Lab } from '../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { Machines, ServedNodes } from './served-nodes.ts';
import { counted, GROUP, PORT, pings } from './two-nodes.ts';

/** Joins until one is quick enough. */
const TRIES = 3;

/** Listens to a node's DPRP messages; returns all of them so far, in order. */
async function messagesOf(node: OverlayNode): Promise<() => readonly string[]> {
  const seen: string[] = [];
  void watch<TraceAnswer>(node.socket, { verb: 'trace' }, ({ message, direction }) => {
    seen.push(`${direction} ${message}`);
  }).catch(() => undefined);
  await node.status(); // the trace runs
  return () => seen;
}

describe('a node that joined a moment ago', { timeout: 60_000 }, () => {
  let lab: Lab;
  let nodes: ServedNodes;
  let member: OverlayNode;
  let count = 0;

  beforeAll(async () => {
    lab = new Lab();
    const machines = new Machines(lab, ['server', 'member', ...[...Array(2 * TRIES).keys()].map((at) => `new${at}`)]);
    const more = ['--advertise', machines.at('server')];
    const served = await ServedOverlay.start(lab, machines.space('server'), `:${PORT}`, [GROUP], more);
    nodes = new ServedNodes(machines, served);
    member = await nodes.join('member');
  });
  afterAll(() => lab.close());

  const isRolling = async () => (await member.status()).groups.some(({ next }) => next !== null);

  /** A node that is up while the version that its joining made is in force nowhere yet, which is for two seconds. */
  async function newcomer(): Promise<OverlayNode> {
    for (let tries = 0; tries < TRIES; tries++) {
      await until('the keys of the last join', async () => !(await isRolling()), { seconds: 20 });
      const joined = await nodes.join(`new${count++}`);
      if (await isRolling()) return joined;
    }
    throw new Error('this machine is too slow: each node was up too late');
  }

  it.each([
    ['is reached', true],
    ['reaches others', false],
  ] as const)('%s by the first packet, in one handshake', async (_, isReached) => {
    const joined = await newcomer();
    const messages = await messagesOf(isReached ? member : joined);
    const [from, to] = isReached ? [member, joined] : [joined, member];
    const began = performance.now();
    expect(await pings(from, to, 4, 9)).toBe(true);
    console.log(`${from.name} to ${to.name}: answered after ${(performance.now() - began).toFixed(0)} ms`);
    // where the machine is busy a message may be sent again; it is one handshake all the same
    expect([...new Set(messages())]).toEqual(['out DDE', 'in RGI', 'out MPIT', 'in CDN']);
    expect(await counted(joined, 'sas-made')).toBe(1);
  });
});
