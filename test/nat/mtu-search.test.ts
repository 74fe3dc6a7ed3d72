import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { innerMtu, MtuSearch } from '../../src/nat/mtu-search.ts';

const RTT = 40;

/** A path that carries outer packets up to `mtu`, and says nothing of larger ones: a black hole. */
class Path {
  mtu: number;
  /** nothing passes at all */
  dead = false;
  /** every so many probes one is lost, whatever its size */
  readonly lossEach: number;
  readonly search: MtuSearch;
  now = 0;
  probes = 0;
  largest = 0;
  readonly #answers = new Map<Uint8Array, number>();

  constructor(mtu: number, linkMtu: number, lossEach = 0) {
    this.mtu = mtu;
    this.lossEach = lossEach;
    let drawn = 0;
    this.search = new MtuSearch(
      (length) => new Uint8Array(length).map((_, at) => (at === 0 ? drawn >> 8 : at === 1 ? drawn++ : 0)),
      linkMtu,
      millis(0),
    );
  }

  run(duration: number, large = true): void {
    const until = this.now + duration;
    for (; this.now < until; this.now += 20) {
      const now = millis(this.now);
      if (large) this.search.handleLargeSent(now);
      for (const [token, at] of this.#answers) {
        if (this.now < at) continue;
        this.#answers.delete(token);
        this.search.handleResponse(token, now);
      }
      const probe = this.search.tick(now);
      if (!probe) continue;
      this.probes++;
      this.largest = Math.max(this.largest, probe.size);
      const lost = this.lossEach > 0 && this.probes % this.lossEach === 0;
      if (this.dead) continue;
      this.#answers.set(probe.shortToken.slice(), this.now + RTT);
      if (!lost && probe.size <= this.mtu) this.#answers.set(probe.token.slice(), this.now + RTT);
    }
  }
}

describe('the search for the path MTU', () => {
  it.each([
    ['Ethernet', 1_500, 1_500, 1],
    ['PPPoE', 1_492, 1_500, 4],
    ['a tunnel in a tunnel', 1_400, 1_500, 22],
    ['jumbo frames', 9_000, 9_000, 2],
    ['the least that is searched', 1_200, 1_500, 40],
  ])('finds that of %s: %i', (_name, mtu, linkMtu, most) => {
    const path = new Path(mtu, linkMtu);
    path.run(30_000);
    expect(path.search.size).toBe(mtu);
    expect(path.search.state).toBe('complete');
    // some of these are confirmations: large datagrams leave all the time
    expect(path.probes).toBeLessThanOrEqual(most + 30);
  });

  it('finds any to within 8 bytes, tries nothing beyond the link, and loses nothing to a lost probe', () => {
    const cases = fc.record({
      mtu: fc.integer({ min: 1_200, max: 9_000 }),
      link: fc.integer({ min: 1_200, max: 9_000 }),
      lossEach: fc.constantFrom(0, 3, 5),
    });
    fc.assert(
      fc.property(cases, ({ mtu, link, lossEach }) => {
        const path = new Path(mtu, link, lossEach);
        path.run(40_000);
        const most = Math.min(mtu, link);
        expect(path.search.size).toBeLessThanOrEqual(most);
        expect(path.search.size).toBeGreaterThan(most - 9);
        expect(path.largest).toBeLessThanOrEqual(link);
      }),
      { numRuns: 60 },
    );
  });

  it('N6: falls when probes of the size in use are lost while the path answers: a black hole', () => {
    const path = new Path(1_500, 1_500);
    path.run(3_000);
    path.mtu = 1_420;
    path.run(20_000);
    expect(path.search.size).toBeGreaterThan(1_411);
    expect(path.search.size).toBeLessThanOrEqual(1_420);
  });

  it('N6: does not fall while the path carries nothing at all', () => {
    const path = new Path(1_500, 1_500);
    path.run(3_000);
    path.dead = true;
    path.run(60_000);
    expect(path.search.size).toBe(1_500);
    // and a dead path is not flooded with large probes
    expect(path.probes).toBeLessThan(20);
    path.dead = false;
    path.run(60_000);
    expect(path.search.size).toBe(1_500);
  });

  it.each([
    ['of another receiver', { mtu: 1_300, liveIndex: false, sentAt: millis(2_900) }, false],
    ['of a counter never sent', { mtu: 1_300, liveIndex: true, sentAt: undefined }, false],
    ['of a datagram ten seconds old', { mtu: 1_300, liveIndex: true, sentAt: millis(3_000 - 10_000) }, false],
    ['below the floor', { mtu: 68, liveIndex: true, sentAt: millis(2_900) }, false],
    ['of one sent lately', { mtu: 1_300, liveIndex: true, sentAt: millis(2_900) }, true],
  ])('N6: takes an ICMP too-big %s for a hint: it changes no size', (_name, tooBig, believed) => {
    const path = new Path(1_500, 1_500);
    path.run(3_000);
    const before = path.probes;
    expect(path.search.handleTooBig(tooBig, millis(3_000))).toBe(believed);
    expect(path.search.size).toBe(1_500);
    path.run(100);
    expect(path.probes - before).toBe(believed ? 1 : 0);
    // the router lied: the probe was answered
    path.run(2_000);
    expect(path.search.size).toBe(1_500);
  });

  it('uses what an honest router says: two sizes are tried, not ten', () => {
    const path = new Path(1_500, 1_500);
    path.run(3_000);
    path.mtu = 1_337;
    path.search.handleTooBig({ mtu: 1_337, liveIndex: true, sentAt: millis(2_990) }, millis(3_000));
    const before = path.now;
    while (path.search.size !== 1_337 && path.now < 20_000) path.run(20);
    expect(path.now - before).toBeLessThanOrEqual(1_500);
  });

  it('tries larger sizes again after ten minutes', () => {
    const path = new Path(1_400, 1_500);
    path.run(30_000);
    expect(path.search.size).toBe(1_400);
    path.mtu = 1_500;
    path.run(620_000);
    expect(path.search.size).toBe(1_500);
  });

  it('costs an idle path nothing once it is done', () => {
    const path = new Path(1_500, 1_500);
    path.run(10_000, false);
    const { probes } = path;
    path.run(600_000, false);
    expect(path.probes).toBe(probes);
  });

  it('starts again where the kind of path changed', () => {
    const path = new Path(1_500, 1_500);
    path.run(3_000);
    path.search.restart(millis(path.now));
    expect(path.search.state).toBe('assumed');
    path.mtu = 1_460;
    path.run(5_000);
    expect(path.search.size).toBe(1_460);
  });

  it('assumes that what the interface needs passes, and finds out within a second when it does not', () => {
    const path = new Path(1_400, 1_500);
    expect(path.search.usable({ family: 4, frames: 0 })).toEqual({ mtu: 1_440, tooSmall: false });
    path.run(1_000);
    expect(path.search.usable({ family: 4, frames: 0 }).mtu).toBe(1_340);
  });
});

describe('the inner MTU', () => {
  it.each([
    [1_500, 4, 0, 1_440],
    [1_500, 6, 0, 1_420],
    [1_500, 4, 1, 1_432],
    [1_496, 6, 2, 1_400],
  ] as const)('of %i outside over IPv%i with %i frames is %i', (outer, family, frames, inner) => {
    expect(innerMtu(outer, { family, frames })).toBe(inner);
  });

  it('is the floor at least while nothing is sure, and less when the path was measured and carries less', () => {
    const path = new Path(1_300, 1_500);
    path.run(1_300);
    expect(path.search.usable({ family: 4, frames: 0 })).toEqual({ mtu: 1_280, tooSmall: false });
    path.run(30_000);
    const { mtu, tooSmall } = path.search.usable({ family: 4, frames: 0 });
    expect(tooSmall).toBe(true);
    expect(mtu).toBeGreaterThan(1_232);
    expect(mtu).toBeLessThanOrEqual(1_240);
  });
});
