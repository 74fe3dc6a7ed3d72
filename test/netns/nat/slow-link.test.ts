import { describe, expect, it } from 'vitest';
import { type Lab, withLab } from '../../../src/cli/lab/lab.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { pinnedNode } from '../../../src/cli/lab/pinned-node.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { SlowLink } from './slow-link.ts';

/** Sends numbered datagrams, 1 ms apart, to an address and port. */
const SEND = `const [to, n] = process.argv.slice(1); const s = require('dgram').createSocket('udp4'); let i = 0;
  const t = setInterval(() => { s.send(String(i++), 7000, to); if (i >= n) { clearInterval(t); setTimeout(() => s.close(), 50); } }, 1);`;
/** Prints what arrives, one number a line. */
const RECEIVE = `const s = require('dgram').createSocket('udp4'); s.on('message', (m) => console.log(String(m))); s.bind(7000, () => console.log('ready'));`;

interface Wire {
  readonly a: Namespace;
  readonly b: Namespace;
  readonly link: SlowLink;
}

async function lay(lab: Lab): Promise<Wire> {
  const [a, b] = [lab.namespace('a'), lab.namespace('b')];
  const ends = [a, b].map((namespace, at) => ({
    namespace,
    device: 'eth0',
    addresses: [`10.99.0.${at + 1}/24`, `10.99.0.${at + 11}/24`, `fd99::${at + 1}/64`],
  }));
  const [first, second] = ends;
  if (!first || !second) throw new Error('two ends');
  return { a, b, link: await SlowLink.lay(lab, first, second) };
}

/** What arrives at b of `count` datagrams, when all are there or half a second passed. */
async function carried({ a, b }: Wire, count: number): Promise<number[]> {
  const receiver = b.start([pinnedNode(), '-e', RECEIVE]);
  const got = () => receiver.stdout().split('\n').slice(1, -1).map(Number);
  await until('the receiver', () => receiver.stdout().includes('ready'));
  await a.run([pinnedNode(), '-e', SEND, '10.99.0.2', String(count)]);
  await until('the last ones', () => got().length >= count, { seconds: 0.5 }).catch(() => undefined);
  await receiver.stop();
  return got();
}

/** Round trip of a ping in milliseconds. */
async function roundTrip({ a }: Wire, to: string): Promise<number> {
  await a.run(['ping', '-c1', '-W2', to]); // neighbours are known afterwards
  return Number(/time=([\d.]+)/.exec(await a.run(['ping', '-c1', '-W2', to]))?.[1]);
}

describe('the slow link', () => {
  it('carries IPv4 and IPv6 in order when it is told to do nothing', () =>
    withLab(async (lab) => {
      const wire = await lay(lab);
      expect(await wire.a.run(['ping', '-c1', '-W2', 'fd99::2'])).toContain('1 received');
      expect(await carried(wire, 50)).toEqual(Array.from({ length: 50 }, (_, at) => at));
    }));

  it('delays each direction by itself, and packets of one address by more', () =>
    withLab(async (lab) => {
      const wire = await lay(lab);
      await wire.link.set({ delayMs: 20 }, 'ab');
      await wire.link.set({ delayMs: 10 }, 'ba');
      await wire.link.set({ delayMs: 70 }, 'ab', '10.99.0.12');
      await wire.link.set({ delayMs: 90 }, 'ab', 'fd99::2');
      const [all, one, six] = [
        await roundTrip(wire, '10.99.0.2'),
        await roundTrip(wire, '10.99.0.12'),
        await roundTrip(wire, 'fd99::2'),
      ];
      expect(all).toBeGreaterThanOrEqual(30);
      expect(one).toBeGreaterThanOrEqual(80);
      expect(six).toBeGreaterThanOrEqual(100);
      expect(all).toBeLessThan(one);
    }));

  it('keeps the order with a delay, and not with jitter', () =>
    withLab(async (lab) => {
      const wire = await lay(lab);
      const sorted = Array.from({ length: 100 }, (_, at) => at);
      await wire.link.set({ delayMs: 10 });
      expect(await carried(wire, 100)).toEqual(sorted);
      await wire.link.set({ delayMs: 10, jitterMs: 15 });
      const mixed = await carried(wire, 100);
      expect(mixed).not.toEqual(sorted);
      expect(mixed.toSorted((x, y) => x - y)).toEqual(sorted);
    }));

  it('loses and doubles about its share, and counts them', () =>
    withLab(async (lab) => {
      const wire = await lay(lab);
      await wire.link.set({ loss: 0.3, duplicate: 0.2 }, 'ab', '10.99.0.2');
      const got = await carried(wire, 200);
      const { ab, ba } = await wire.link.stop();
      const distinct = new Set(got).size;
      expect(ab.lost).toBe(200 - distinct);
      expect(ab.doubled).toBe(got.length - distinct);
      expect(distinct).toBeGreaterThan(90); // 140 expected
      expect(distinct).toBeLessThan(180);
      expect(ab.doubled).toBeGreaterThan(5);
      expect([ba.lost, ab.overflowed]).toEqual([0, 0]);
    }));

  it('carries no more than its rate', () =>
    withLab(async (lab) => {
      const wire = await lay(lab);
      await wire.link.set({ megabits: 1 }, 'ab');
      const began = performance.now();
      await wire.a.run(['ping', '-c6', '-i0.002', '-s', '1400', '-W3', '10.99.0.2']);
      // six times 1442 bytes take 69 ms at that rate
      expect(performance.now() - began).toBeGreaterThanOrEqual(65);
    }));
});
