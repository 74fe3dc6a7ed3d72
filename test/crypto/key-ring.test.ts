import { array, assert, constantFrom, integer, oneof, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis, type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { DomainRing } from '../../src/crypto/domain-ring.ts';
import type { DomainKeys, GroupKeys } from '../../src/crypto/group-key.ts';
import { KeyRing } from '../../src/crypto/key-ring.ts';
import {
  KEY_TIMES,
  type KeyClock,
  type RingEffect,
  type RingPolicy,
  type VersionTerms,
} from '../../src/crypto/key-states.ts';
import { NOW, seedOf } from './fixtures.ts';

const at = (seconds: number): UnixSeconds => unixSeconds(NOW + seconds);
const clock = (seconds: number): KeyClock => ({
  monotonic: millis(1000 * seconds),
  unix: at(seconds),
  corrected: at(seconds),
});

function keysOf(v: number): GroupKeys {
  const [kTag, kPsk, kStale, kDde, kChat, kMbox, kMc] = Array.from({ length: 7 }, (_, i) => seedOf(`key ${v} ${i}`));
  return { kTag, kPsk, kStale, kDde, kChat, kMbox, kMc };
}

function terms(v: number, given: Partial<VersionTerms> = {}): VersionTerms {
  const usual = {
    r: 0,
    activateAt: at(0),
    notAfter: at(72 * 3600),
    reason: 'schedule',
    rosterSeq: v,
    rosterHead: seedOf(`head ${v}`),
  } as const;
  return { v, ...usual, ...given };
}

const idle = { type: 'tick', inUse: () => false, chainAlive: () => false } as const;

class Bench {
  readonly ring: KeyRing;
  constructor(policy: Partial<RingPolicy> = {}, persisted?: { highestCurrent: number; removalFloor: number }) {
    this.ring = new KeyRing({ retain: 'migrate', longGrace: false, ...policy }, persisted);
  }
  add(seconds: number, v: number, given: Partial<VersionTerms> = {}, keys = keysOf(v)): readonly RingEffect[] {
    return this.ring.add(terms(v, given), keys, clock(seconds));
  }
  states(): string {
    return this.ring
      .versions()
      .map(({ v, state, kPsk }) => `${v} ${state}${kPsk === undefined ? '' : ' psk'}`)
      .join(', ');
  }
}

/** A ring with CURRENT 1 since second 0. */
function started(policy: Partial<RingPolicy> = {}): Bench {
  const bench = new Bench(policy);
  bench.add(0, 1);
  return bench;
}

describe('a key ring', () => {
  it('makes the first version CURRENT when its time has come, or at once when it has none', () => {
    for (const activateAt of [at(0), unixSeconds(0)]) {
      const bench = new Bench();
      expect(bench.add(0, 1, { activateAt })).toEqual([{ type: 'current', v: 1, reason: 'schedule', spread: 60_000 }]);
      expect(bench.states()).toBe('1 current psk');
    }
  });

  it('holds a version as NEXT until activate_at, then migrates within the spread of its reason', () => {
    for (const [reason, spread] of [
      ['schedule', 60_000],
      ['manual', 1_000],
    ] as const) {
      // biome-ignore format: one row
      const bench = started();
      expect(bench.add(10, 2, { activateAt: at(20), reason })).toEqual([]);
      expect(bench.states()).toBe('2 next psk, 1 current psk');
      expect(bench.ring.nextDeadline(clock(12))).toBe(20_000);
      expect(bench.ring.handle(idle, clock(19))).toEqual([]);
      expect(bench.ring.handle(idle, clock(20))).toEqual([{ type: 'current', v: 2, reason, spread }]);
      expect(bench.states()).toBe('2 current psk, 1 retired psk');
    }
  });

  it('without activate_at waits for an authentic peer that uses the new version', () => {
    const bench = started({ longGrace: true });
    bench.add(1, 2, { activateAt: unixSeconds(0), notAfter: unixSeconds(0) });
    expect(bench.ring.handle(idle, clock(1_000_000))).toEqual([]);
    expect(bench.ring.current()?.v).toBe(1);
    expect(bench.ring.handle({ type: 'peer-used', v: 2 }, clock(1_000_000))).toMatchObject([{ type: 'current', v: 2 }]);
    expect(bench.ring.find(2)?.notAfter).toBe(0xffff_ffff);
  });

  it('takes the newest of several versions whose time came while nobody looked', () => {
    const bench = started();
    for (const v of [2, 3, 4]) bench.add(1, v, { activateAt: at(10 * v) });
    bench.ring.handle(idle, clock(35));
    expect(bench.states()).toBe('4 next psk, 3 current psk, 2 retired psk, 1 retired psk');
  });

  it('R1: advances to NEXT only when a peer used it, not by holding it', () => {
    const bench = started();
    bench.add(1, 2, { activateAt: at(1000) });
    bench.ring.handle(idle, clock(2));
    expect(bench.ring.current()?.v).toBe(1);
    bench.ring.handle({ type: 'peer-used', v: 2 }, clock(2));
    expect(bench.ring.current()?.v).toBe(2);
  });

  it('R2: a hint fetches at most once in 5 s, changes no CURRENT and deletes no key', () => {
    const bench = started();
    const before = bench.states();
    expect(bench.ring.handle({ type: 'hint', v: 7 }, clock(10))).toEqual([{ type: 'fetch' }]);
    expect(bench.ring.handle({ type: 'hint', v: 7 }, clock(14.9))).toEqual([]);
    expect(bench.ring.handle({ type: 'hint', v: 7 }, clock(15))).toEqual([{ type: 'fetch' }]);
    expect(bench.states()).toBe(before);
    expect(bench.ring.handle({ type: 'hint', v: 1 }, clock(100))).toEqual([]);
  });

  it('R2: a hint activates a held NEXT up to the version that it names, and no newer one', () => {
    const bench = started();
    bench.add(1, 2, { activateAt: at(1000) });
    bench.add(1, 3, { activateAt: at(2000) });
    expect(bench.ring.handle({ type: 'hint', v: 2 }, clock(10))).toMatchObject([{ type: 'current', v: 2 }]);
    expect(bench.states()).toBe('3 next psk, 2 current psk, 1 retired psk');
  });

  it('R3: CURRENT never decreases, also not by peers, hints, old bundles or a restart', () => {
    const bench = started();
    bench.add(1, 5, { activateAt: at(1) });
    expect(bench.ring.persistent).toEqual({ highestCurrent: 5, removalFloor: 0 });
    bench.add(2, 4, { activateAt: at(2) });
    bench.ring.handle({ type: 'peer-used', v: 4 }, clock(3));
    bench.ring.handle({ type: 'hint', v: 4 }, clock(3));
    expect(bench.ring.current()?.v).toBe(5);

    const restarted = new Bench({}, bench.ring.persistent);
    restarted.add(0, 4);
    expect(restarted.ring.current()).toBeUndefined();
    restarted.add(0, 5, { activateAt: at(999) });
    expect(restarted.ring.current()?.v).toBe(5);
    expect(restarted.states()).toBe('5 current psk, 4 retired psk');
  });

  it('R4: a removal is CURRENT at once, ends the half-opens of older versions, caps their SAs and erases their keys', () => {
    const bench = started();
    bench.add(1, 2, { activateAt: at(1000) });
    const effects = bench.add(10, 3, { reason: 'removal', activateAt: at(500) });
    expect(effects).toEqual([
      { type: 'current', v: 3, reason: 'removal', spread: 0 },
      { type: 'removal', below: 3, capAt: 70_000 },
      { type: 'tagonly', v: 2 },
      { type: 'tagonly', v: 1 },
    ]);
    expect(bench.states()).toBe('3 current psk, 2 tagonly, 1 tagonly');
    expect(bench.ring.find(1)?.retired).toEqual({ at: 10_000, cause: 'removal' });
  });

  it('R4: nothing older than a removal is admitted after a restart either', () => {
    const bench = started({ longGrace: true });
    bench.add(10, 3, { reason: 'removal' });
    bench.add(20, 4, { activateAt: at(20) });
    expect(bench.ring.persistent).toEqual({ highestCurrent: 4, removalFloor: 3 });
    const restarted = new Bench({ longGrace: true }, bench.ring.persistent);
    for (const v of [2, 3, 4]) restarted.add(30, v);
    expect(restarted.states()).toBe('4 current psk, 3 retired psk, 2 tagonly');
  });

  it('R4: a removal counts also when the version made for it was never held', () => {
    const bench = started({ longGrace: true });
    bench.add(5, 2, { activateAt: at(5), rosterSeq: 6 });
    expect(bench.add(10, 7, { activateAt: at(10), rosterSeq: 9, lastRemove: 6 })).toEqual([
      { type: 'current', v: 7, reason: 'schedule', spread: 0 },
      { type: 'removal', below: 2, capAt: 70_000 },
      { type: 'tagonly', v: 1 },
    ]);
    expect(bench.states()).toBe('7 current psk, 2 retired psk, 1 tagonly');
  });

  it('R6: stops the group when two signed statements give one version different rosters', () => {
    const bench = started();
    expect(bench.add(1, 1)).toEqual([{ type: 'refused', v: 1, fault: 'known' }]);
    expect(bench.ring.stopped).toBe(false);
    expect(bench.add(1, 1, { rosterHead: seedOf('another') })).toEqual([
      { type: 'refused', v: 1, fault: 'conflict' },
      { type: 'stop', v: 1 },
    ]);
    expect(bench.ring.stopped).toBe(true);
  });

  it('takes the versions that the authority calls retired as such', () => {
    const bench = new Bench({ longGrace: true });
    bench.add(0, 1, { retired: 'removal' });
    bench.add(0, 2, { retired: 'schedule' });
    bench.add(0, 3);
    expect(bench.states()).toBe('3 current psk, 2 retired psk, 1 tagonly');
  });
});

describe('the secret of a retired version', () => {
  const rolled = (policy: Partial<RingPolicy> = {}, keys = keysOf(1)) => {
    const bench = new Bench(policy);
    bench.add(0, 1, { notAfter: at(3600) }, keys);
    bench.add(1, 2, { activateAt: at(10) });
    bench.ring.handle(idle, clock(10));
    return bench;
  };
  const psk = (bench: Bench) => bench.ring.find(1)?.kPsk !== undefined;

  it('R7: K_psk is overwritten when grace is over, with all but the tag and stale keys', () => {
    const keys = keysOf(1);
    const bench = rolled({}, keys);
    bench.ring.handle(idle, clock(69.9));
    expect(psk(bench)).toBe(true);
    expect(bench.ring.handle(idle, clock(70))).toEqual([{ type: 'tagonly', v: 1 }]);
    expect(bench.states()).toBe('2 current psk, 1 tagonly');
    const { kTag, kStale, ...others } = keys;
    expect([kTag, kStale]).toEqual([keysOf(1).kTag, keysOf(1).kStale]);
    for (const key of Object.values(others)) expect(key).toEqual(new Uint8Array(32));
    expect(bench.ring.keys(1)).toEqual({ kTag, kStale });
  });

  it('R7: K_psk waits for an open handshake', () => {
    const bench = rolled();
    bench.ring.handle({ ...idle, inUse: (v) => v === 1 }, clock(100));
    expect(psk(bench)).toBe(true);
    bench.ring.handle(idle, clock(101));
    expect(psk(bench)).toBe(false);
  });

  it('R7: K_psk under retain=flow waits for the last flow, at most 24 h', () => {
    const alive = { ...idle, chainAlive: () => true };
    const bench = rolled({ retain: 'flow' });
    const end = 10 + KEY_TIMES.chain / 1000;
    bench.ring.handle(alive, clock(end - 1));
    expect(psk(bench)).toBe(true);
    bench.ring.handle(alive, clock(end));
    expect(psk(bench)).toBe(false);
    const ended = rolled({ retain: 'flow' });
    ended.ring.handle(idle, clock(100));
    expect(psk(ended)).toBe(false);
    const migrating = rolled();
    migrating.ring.handle(alive, clock(100));
    expect(psk(migrating)).toBe(false);
  });

  it('R7: K_psk without a server stays to the end of its lease', () => {
    const bench = rolled({ longGrace: true });
    bench.ring.handle(idle, clock(3599));
    expect(psk(bench)).toBe(true);
    bench.ring.handle(idle, clock(3600));
    expect(psk(bench)).toBe(false);
  });

  it('R7: K_psk of a version that is not kept is overwritten at once', () => {
    const bench = started();
    const again = keysOf(1);
    bench.add(1, 1, {}, again);
    expect(Object.values(again)).toEqual(Array.from({ length: 7 }, () => new Uint8Array(32)));
    const late = new Bench({}, { highestCurrent: 9, removalFloor: 9 });
    const old = keysOf(3);
    late.add(1, 3, {}, old);
    expect(old.kPsk).toEqual(new Uint8Array(32));
  });

  it('R7: K_psk is gone after wipe, with every other key', () => {
    const [bench, keys] = [new Bench(), keysOf(1)];
    bench.add(0, 1, {}, keys);
    bench.ring.wipe();
    expect(Object.values(keys)).toEqual(Array.from({ length: 7 }, () => new Uint8Array(32)));
    expect(bench.ring.versions()).toEqual([]);
  });
});

describe('any sequence of events', () => {
  const events = array(
    oneof(
      record({
        type: constantFrom('version' as const),
        v: integer({ min: 1, max: 24 }),
        reason: constantFrom('schedule' as const, 'schedule' as const, 'manual' as const, 'removal' as const),
        delay: integer({ min: -50, max: 400 }),
      }),
      record({
        type: constantFrom('peer-used' as const, 'hint' as const, 'tick' as const),
        v: integer({ min: 1, max: 24 }),
      }),
    ),
    { maxLength: 60 },
  );

  it.each(['migrate', 'flow'] as const)('keeps the invariants of the ring under retain=%s', (retain) => {
    assert(
      property(events, constantFrom(true, false), (inputs, longGrace) => {
        const bench = new Bench({ retain, longGrace });
        let [highest, now] = [0, 0];
        for (const input of inputs) {
          now += 37;
          if (input.type === 'version')
            bench.add(now, input.v, { reason: input.reason, activateAt: at(now + input.delay) });
          else if (input.type === 'tick') bench.ring.handle(idle, clock(now));
          else bench.ring.handle({ type: input.type, v: input.v }, clock(now));

          const { highestCurrent, removalFloor } = bench.ring.persistent;
          const versions = bench.ring.versions();
          const of = (state: string) => versions.filter((version) => version.state === state);
          expect(highestCurrent).toBeGreaterThanOrEqual(highest);
          highest = highestCurrent;
          expect(of('current').map(({ v }) => v)).toEqual(highest === 0 ? [] : [highest]);
          expect(of('next').every(({ v }) => v > highest)).toBe(true);
          expect(of('retired').every(({ v }) => v < highest && v >= removalFloor)).toBe(true);
          expect(versions.every(({ state, kPsk }) => (state === 'tagonly') === (kPsk === undefined))).toBe(true);
          expect([of('tagonly').length <= 8, of('retired').length <= 8]).toEqual([true, true]);
          expect(versions.map(({ v }) => v)).toEqual([...versions].map(({ v }) => v).sort((a, b) => b - a));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the domain ring', () => {
  const keys = (v: number): DomainKeys => ({
    kDde: seedOf(`dde ${v}`),
    kTag: seedOf(`tag ${v}`),
    kStale: seedOf(`stale ${v}`),
  });

  it('keeps the last 8 versions, newest in force first, and overwrites what it drops', () => {
    const ring = new DomainRing();
    const given = Array.from({ length: 10 }, (_, i) => keys(i + 1));
    for (const [i, each] of given.entries()) ring.add(i + 1, at(i === 9 ? 100 : 0), each);
    expect(ring.versions(at(0)).map(({ v }) => v)).toEqual([9, 8, 7, 6, 5, 4, 3]);
    expect(ring.versions(at(100))[0]?.v).toBe(10);
    expect(given.slice(0, 3).map(({ kDde }) => kDde)).toEqual([
      new Uint8Array(32),
      new Uint8Array(32),
      seedOf('dde 3'),
    ]);
  });

  it('overwrites a version that it holds already, and all of them in the end', () => {
    const [ring, first, again] = [new DomainRing(), keys(1), keys(1)];
    ring.add(1, at(0), first);
    ring.add(1, at(0), again);
    expect([first.kDde, again.kDde]).toEqual([seedOf('dde 1'), new Uint8Array(32)]);
    ring.wipe();
    expect([first.kStale, ring.versions(at(0))]).toEqual([new Uint8Array(32), []]);
  });
});
