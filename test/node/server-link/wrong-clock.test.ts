import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SimMachine } from './machine.ts';
import { Network, type SimServer } from './network.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

let net: Network;
let server: SimServer;
let a: SimMachine;

/** A node that was up for an hour when its server died. */
beforeEach(async () => {
  net = new Network();
  server = net.server();
  a = net.machine();
  a.start({ join: server.token(), name: 'a' });
  await net.run(4);
  await net.run(HOUR, 600_000);
  server.kill();
  await net.run(10);
});
afterEach(() => net.end());

async function again(clockOff: number): Promise<void> {
  a.die();
  a.clockOff = clockOff;
  a.start();
  await net.run(10);
}

/** Whether it would open a session by the newest key that it holds. */
function admits(): boolean {
  const current = a.keys?.groups()[0]?.versions.find(({ state }) => state === 'current');
  return a.keys !== undefined && current !== undefined && a.keys.unixNow() < current.notAfter;
}

describe('a start without a server', () => {
  it.each([
    -2 * DAY,
    -20 * YEAR,
  ])('by a clock that is %i seconds off goes on from the time that is known, and says so', async (off) => {
    const before = a.current();
    await again(off);
    expect([a.current(), a.health(), admits()]).toEqual([before, ['server-not-reached', 'clock-differs'], true]);
    expect(a.linked?.corrected()).toBeCloseTo(net.time(), -2);
    expect(a.keys?.identity().keyNotAfter).toBeGreaterThan(net.time() + 5 * DAY);
    await net.run(DAY, 7_200_000);
    expect(a.linked?.corrected()).toBeCloseTo(net.time(), -2);
    await again(0);
    expect([a.health(), admits()]).toEqual([['server-not-reached'], true]);
    server.revive();
    await net.run(70);
    expect(a.health()).toEqual([]);
  });

  it('by a clock that is ahead of every lease opens no session; with the right one it does as soon as the server is back', async () => {
    await again(20 * DAY);
    expect([a.health(), admits()]).toEqual([['server-not-reached', 'lease-ends'], false]);
    await again(0);
    expect([a.health(), admits()]).toEqual([['server-not-reached', 'lease-clock-ahead'], false]);
    server.revive();
    await net.run(70);
    const asked = a.linked?.reload();
    await net.run(5);
    await asked;
    expect([a.health(), admits()]).toEqual([[], true]);
  });

  it('by a clock that is years ahead takes up no keys and says why; with the right one it has them again', async () => {
    const before = a.current();
    await again(5 * YEAR);
    expect([a.current(), a.health()]).toEqual([undefined, ['server-not-reached', 'certificate-ended']]);
    await again(0);
    expect([a.current(), a.health(), admits()]).toEqual([before, ['server-not-reached'], true]);
  });
});
