import { describe, expect, it } from 'vitest';
import { millis, unixSeconds } from '../../src/base/brands.ts';
import { admitFlow } from '../../src/dprp/flow-admission.ts';
import { FlowOpenings } from '../../src/dprp/flow-openings.ts';
import { NoEntryLimit } from '../../src/dprp/no-entry-limit.ts';
import { flow, GROUP_A, groupView, NOW_UNIX, pair, retired, version } from './negotiation-world.ts';

describe('a flow inside a live SA (protocol.md 5.3)', () => {
  const now = millis(100_000);

  function judged() {
    const { a, b } = pair();
    const judge = { ownId: b.id, noGms: false, groups: () => b.groups, unixNow: () => b.unix };
    const sa = { peer: a.id, group: GROUP_A, version: version(GROUP_A, 5).v, chain: 0 };
    return { a, b, judge, sa, cid: flow('100.64.0.1', '100.64.0.2') };
  }

  it('A2: is admitted between the addresses that the roster gives to both ends, and no others', () => {
    const { judge, sa, cid } = judged();
    expect(admitFlow(judge, sa, 'peer', cid, now)).toBeUndefined();
    expect(admitFlow(judge, sa, 'peer', flow('100.64.0.9', '100.64.0.2'), now)).toBe('foreign-address');
    expect(admitFlow(judge, sa, 'peer', flow('100.64.0.1', '100.64.0.9'), now)).toBe('not-own-address');
    expect(admitFlow(judge, sa, 'peer', flow('127.0.0.1', '100.64.0.2'), now)).toBe('foreign-address');
    expect(admitFlow(judge, sa, 'self', flow('100.64.0.2', '100.64.0.1'), now)).toBeUndefined();
    expect(admitFlow(judge, sa, 'self', cid, now)).toBe('foreign-address');
  });

  it('A2: asks the roster of that moment', () => {
    const { b, judge, sa, cid } = judged();
    b.groups = [groupView(GROUP_A, [b], [version(GROUP_A, 5)])];
    expect(admitFlow(judge, sa, 'peer', cid, now)).toBe('not-in-roster');
    b.groups = [];
    expect(admitFlow(judge, sa, 'peer', cid, now)).toBe('group-not-held');
  });

  it('needs a version that admits: CURRENT, NEXT, or RETIRED within its grace, also for a chain (V5)', () => {
    const { a, b, judge, sa, cid } = judged();
    const rows = [
      [version(GROUP_A, 5, { state: 'next' }), undefined],
      [retired(GROUP_A, 5, now - 59_999), undefined],
      [retired(GROUP_A, 5, now - 60_000), 'version-old'],
      [version(GROUP_A, 5, { state: 'tagonly' }), 'version-old'],
      [version(GROUP_A, 5, { notAfter: unixSeconds(NOW_UNIX) }), 'lease-expired'],
    ] as const;
    for (const [held, refusal] of rows) {
      b.groups = [groupView(GROUP_A, [a, b], [held], { retainFlow: true })];
      expect(admitFlow(judge, sa, 'peer', cid, now)).toBe(refusal);
      expect(admitFlow(judge, { ...sa, chain: 5 }, 'peer', cid, now)).toBe(refusal);
    }
    b.groups = [groupView(GROUP_A, [a, b], [version(GROUP_A, 5)], { stopped: true })];
    expect(admitFlow(judge, sa, 'peer', cid, now)).toBe('group-stopped');
  });
});

describe('the repeats of an in-band MPIT', () => {
  const opening = { entry: 1, owner: 2, cid: flow('100.64.0.1', '100.64.0.2'), pitId: new Uint8Array(8) };

  function times(roundTrip: number | undefined): { repeats: number[]; end: number | undefined } {
    const openings = new FlowOpenings();
    openings.open(opening, roundTrip, millis(0));
    const repeats: number[] = [];
    for (;;) {
      const at = openings.nextDeadline();
      if (at === undefined) return { repeats, end: undefined };
      const { repeat, givenUp } = openings.tick(at);
      if (repeat.length > 0) repeats.push(at);
      if (givenUp.length > 0) return { repeats, end: at };
    }
  }

  it('come after max(50 ms, 1.5 RTT), doubled, four times; then the flow is given up', () => {
    expect(times(undefined)).toEqual({ repeats: [50, 150, 350, 750], end: 1_550 });
    expect(times(100)).toEqual({ repeats: [150, 450, 1_050, 2_250], end: 4_650 });
  });

  it('end with the CDN of the same owner and pit_id, once', () => {
    const openings = new FlowOpenings();
    openings.open(opening, undefined, millis(0));
    expect(openings.takeByPitId(3, opening.pitId)).toBeUndefined();
    expect(openings.takeByPitId(2, new Uint8Array(8).fill(1))).toBeUndefined();
    expect(openings.takeByPitId(2, opening.pitId)?.entry).toBe(1);
    expect(openings.takeByPitId(2, opening.pitId)).toBeUndefined();
    expect(openings.nextDeadline()).toBeUndefined();
  });

  it('end with the entry', () => {
    const openings = new FlowOpenings();
    openings.open(opening, undefined, millis(0));
    openings.drop(1);
    expect(openings.size).toBe(0);
    expect(openings.takeByPitId(2, opening.pitId)).toBeUndefined();
  });
});

describe('NOENTRY', () => {
  it('goes once per flow in 100 ms, and 100 times a second per SA', () => {
    const limit = new NoEntryLimit();
    expect([0, 99, 100].map((at) => limit.take(8, 'one', millis(at)))).toEqual([true, false, true]);
    const many = Array.from({ length: 300 }, (_, i) => limit.take(16, `flow ${i}`, millis(0)));
    expect(many.filter(Boolean)).toHaveLength(100);
    expect(limit.take(24, 'one', millis(0))).toBe(true);
  });
});
