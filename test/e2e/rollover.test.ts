import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sendNumbered, startReceiver } from '../../bench/tools/seq-udp.ts';
import type { PitListAnswer } from '../../src/api/pit.ts';
import type { StatusAnswer } from '../../src/api/status.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import { ensureBuilt, Overlay, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { transfers } from './traffic.ts';
import { counted, GROUP, GSCIP, inside, isCutOff, PORT, pings, type TwoNodes, withTwoNodes } from './two-nodes.ts';

const PER_SECOND = 500;
/** Longer than two rolls take. */
const SECONDS = 7;
/** What a key change may never cause. */
const LOSSES = ['unknown-index', 'no-key', 'auth-failed', 'replayed', 'too-old'];

async function losses({ a, b }: TwoNodes): Promise<number> {
  const all = await Promise.all([a, b].flatMap((node) => LOSSES.map((event) => counted(node, event))));
  return all.reduce((sum, count) => sum + count, 0);
}

/** The versions that a node holds keys of towards its first peer, and the one that it sends under. */
async function versions(node: OverlayNode): Promise<{ held: number[]; sending: number | undefined }> {
  const { peers } = await node.status();
  const sas = peers[0]?.sas ?? [];
  return { held: sas.map(({ version }) => version), sending: sas.find(({ sending }) => sending)?.version };
}

/** Rolls the key and lets one node read its bundle, then, after the first has told so in its status, the other. */
async function roll(nodes: TwoNodes, first: OverlayNode, second: OverlayNode, read: (node: OverlayNode) => unknown) {
  const { held } = await versions(first);
  const old = Math.max(...held);
  nodes.overlay.roll(GROUP, '0s');
  for (const node of [first, second]) {
    nodes.overlay.rewriteBundle(node);
    await read(node);
    await until(`${node.name} to know the new version`, async () => newest(await node.status()) > old);
  }
  await until('both to send under the new version', async () => {
    const sending = [(await versions(first)).sending, (await versions(second)).sending];
    return sending.every((version) => version !== undefined && version > old);
  });
}

function newest({ groups }: StatusAnswer): number {
  return Math.max(...groups.map(({ version, next }) => next ?? version));
}

/** Three machines on one switch. */
class ThreeNodes {
  readonly overlay: Overlay;
  readonly a: OverlayNode;
  readonly b: OverlayNode;
  readonly c: OverlayNode;
  readonly #all: readonly OverlayNode[];

  constructor(lab: Lab) {
    ensureBuilt();
    const machines = ['a', 'b', 'c'].map((label) => lab.namespace(label));
    const ends = machines.map((namespace, at) => ({ namespace, device: 'eth0', addresses: [`10.98.0.${at + 1}/24`] }));
    lab.bridge('lan', ends);
    this.overlay = new Overlay(lab, [GROUP], { nice: 0 });
    [this.a, this.b, this.c] = machines.map((machine) => this.overlay.add(machine.label, machine, { groups: [GROUP] }));
    this.#all = [this.a, this.b, this.c];
    this.overlay.rewriteBundles();
  }

  start(node: OverlayNode): void {
    const at = (each: OverlayNode) => `10.98.0.${this.#all.indexOf(each) + 1}:${PORT}`;
    const peers = this.#all.filter((each) => each !== node).map((each) => ({ name: each.name, at: at(each) }));
    node.start({ listen: at(node), peers });
  }

  async up(): Promise<void> {
    for (const node of this.#all) this.start(node);
    await Promise.all(this.#all.map((node) => node.ready()));
  }
}

describe('a key that rolls under traffic', () => {
  it('loses no datagram, whichever side reads first, by SIGHUP and by gscip key reload', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up();
      const address = await inside(b, 4);
      expect(await pings(a, b)).toBe(true);
      const before = await losses(nodes);
      const { sending: begin } = await versions(a);
      const receiver = await startReceiver(b.namespace, address);
      const sending = sendNumbered(a.namespace, address, PER_SECOND, SECONDS, 200);
      await roll(nodes, a, b, (node) => node.process?.signal('SIGHUP'));
      await roll(nodes, b, a, async (node) =>
        expect(await nodes.cli(node, 'key', 'reload')).toMatchObject({
          code: 0,
          stdout: expect.stringContaining('1 group has changed'),
        }),
      );
      const { sent } = await sending;
      const received = await receiver.stop();
      expect(sent).toBeGreaterThan(PER_SECOND);
      expect(received).toMatchObject({ received: sent, distinct: sent, duplicates: 0, firstMissing: [] });
      expect(await losses(nodes)).toBe(before);
      expect((await versions(a)).sending).toBeGreaterThan((begin ?? 0) + 1);
    }));
});

describe('a node that is removed', () => {
  it('is cut off by who reads the new bundle, and cannot come back; flows among the others go on', () =>
    withLab(async (lab) => {
      const nodes = new ThreeNodes(lab);
      const { a, b, c, overlay } = nodes;
      await nodes.up();
      for (const peer of [b, c]) expect(await pings(a, peer)).toBe(true);
      const flow = a.namespace.start(['ping', '-c', '20', '-i', '0.2', await inside(c, 4)], { seconds: 30 });
      const cut = a.namespace.start(['ping', '-i', '0.2', await inside(b, 4)]);
      await until('both flows', () => [flow, cut].every((each) => each.stdout().includes('icmp_seq=2')));

      overlay.authority('node remove', 'b');
      await readsAgain(overlay, a);
      expect((await a.status()).peers.map(({ name }) => name)).toEqual(['c']);
      expect(await pitPeers(a)).not.toContain('b');
      await pause(300); // an answer that came before
      const answered = cut.stdout();
      expect(await isCutOff(b, a)).toBe(true);
      expect(cut.stdout()).toBe(answered); // a second of its packets was not answered
      await readsAgain(overlay, c);
      expect((await flow.finished()).stdout).toContain(' 0% packet loss');

      await b.process?.stop();
      nodes.start(b);
      await b.ready();
      for (const peer of [a, c]) expect(await isCutOff(b, peer)).toBe(true);
      await a.process?.stop();
      a.namespace.start([...GSCIP, 'up', '--state', a.state, '--socket', a.socket]);
      await a.ready();
      expect(await isCutOff(b, a)).toBe(true);
      expect(await transfers(c, a, 100_000)).toBe(true);
    }));
});

/** Brings a node its newest bundle and has it read. */
async function readsAgain(overlay: Overlay, node: OverlayNode): Promise<void> {
  overlay.rewriteBundle(node);
  await node.ask({ verb: 'key-reload' });
}

/** Names of the peers in a node's PIT. */
async function pitPeers(node: OverlayNode): Promise<readonly (string | null)[]> {
  const { entries } = await node.ask<PitListAnswer>({ verb: 'pit-list', limit: 100 });
  return entries.map(({ peer }) => peer);
}
