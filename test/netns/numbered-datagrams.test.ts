import { describe, expect, it } from 'vitest';
import { Asker, SEQ_PORT, sendFlows, sendNumbered, startEcho, startReceiver } from '../../bench/tools/seq-udp.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import { drop } from '../../src/cli/lab/traffic-rules.ts';
import { capture } from './capture.ts';
import { pair, startImpair } from './kit.ts';

describe('numbered datagrams', () => {
  it('all arrive once over a bare wire', () =>
    withLab(async (lab) => {
      const { a, b, bAddress } = pair(lab);
      const receiver = await startReceiver(b, bAddress);
      const { sent } = await sendNumbered(a, bAddress, 2000, 0.5, 64);
      expect(sent).toBe(1000);
      expect(await receiver.stop()).toMatchObject({
        received: 1000,
        distinct: 1000,
        duplicates: 0,
        late: 0,
        firstMissing: [],
      });
    }));

  it('show each one that is lost', () =>
    withLab(async (lab) => {
      const { a, b, bAddress } = pair(lab);
      const receiver = await startReceiver(b, bAddress);
      const rule = drop(b, { hook: 'input', match: `udp dport ${SEQ_PORT}`, perMille: 100 });
      const { sent } = await sendNumbered(a, bAddress, 2000, 0.5, 64);
      const { distinct, firstMissing } = await receiver.stop();
      expect(rule.dropped()).toBeGreaterThan(0);
      expect(sent - distinct).toBe(rule.dropped());
      expect(firstMissing.length).toBeGreaterThan(0);
    }));

  it('show those that are doubled or late', () =>
    withLab(async (lab) => {
      const { a, b, bAddress } = pair(lab);
      const receiver = await startReceiver(b, bAddress);
      await startImpair(a, `127.0.0.1:${SEQ_PORT}`, `${bAddress}:${SEQ_PORT}`, { duplicate: 0.2, jitterMs: 10 });
      const { sent } = await sendNumbered(a, '127.0.0.1', 500, 0.5, 64);
      await new Promise((done) => setTimeout(done, 200));
      const { distinct, duplicates, late } = await receiver.stop();
      expect(distinct).toBe(sent);
      expect(duplicates).toBeGreaterThan(0);
      expect(late).toBeGreaterThan(0);
    }));

  it('spread over as many flows as asked for, each with a right checksum', () =>
    withLab(async (lab) => {
      const { a, b, aAddress, bAddress } = pair(lab);
      const seen = await capture(lab, b, 'eth0');
      const receiver = await startReceiver(b, bAddress, 60_100);
      const what = { source: aAddress, flows: 60_100, order: 'once', rate: 30_000, count: 60_100, size: 64 } as const;
      const { sent } = await sendFlows(a, bAddress, what);
      const { distinct } = await receiver.stop();
      const packets = (await seen.stop()).filter(({ bytes }) => bytes[23] === 17 && bytes.length === 106);
      expect(sent).toBe(60_100);
      expect(distinct).toBe(sent); // a wrong checksum would have been dropped before the socket
      expect(new Set(packets.map(({ bytes }) => Buffer.from(bytes.subarray(34, 38)).toString('hex'))).size).toBe(
        60_100,
      );
    }));
});

describe('asked round trips', () => {
  it('come back, one for each question, from a new port when asked so', () =>
    withLab(async (lab) => {
      const { a, b, bAddress } = pair(lab);
      await startEcho(b, bAddress);
      const asker = new Asker(a, bAddress);
      for (const port of ['new', 'same', 'new'] as const) {
        const { microseconds, extra } = await asker.ask(3, 100, port);
        expect(microseconds).toHaveLength(3);
        expect(Math.min(...microseconds)).toBeGreaterThan(0);
        expect(extra).toBe(0);
      }
      await asker.stop();
    }));

  it('are -1 when lost, and answers too many are counted', () =>
    withLab(async (lab) => {
      const { a, b, bAddress } = pair(lab);
      await startEcho(b, bAddress);
      const rule = drop(b, { hook: 'input', match: `udp dport ${SEQ_PORT}` });
      const deaf = new Asker(a, bAddress);
      expect((await deaf.ask(1, 0, 'new')).microseconds).toEqual([-1]);
      rule.remove();
      await startImpair(a, `127.0.0.1:${SEQ_PORT}`, `${bAddress}:${SEQ_PORT}`, { duplicate: 1 });
      const doubled = new Asker(a, '127.0.0.1');
      await doubled.ask(1, 0, 'new');
      expect((await doubled.ask(3, 10_000, 'same')).extra).toBeGreaterThan(0);
    }));
});
