import { describe, expect, it, vi } from 'vitest';
import { millis, unixSeconds } from '../../../src/base/brands.ts';
import { GscipError } from '../../../src/base/errors.ts';
import { parseListenAddress } from '../../../src/base/listen-address.ts';
import { ConnectionGuard } from '../../../src/http/connection-guard.ts';
import { sourceOf } from '../../../src/http/source.ts';
import { FailedLogins } from '../../../src/server/http/failed-logins.ts';
import { failureOf } from '../../../src/server/http/failure.ts';
import { LoopWatch } from '../../../src/server/http/loop-watch.ts';
import { reachableAt } from '../../../src/server/listen-address.ts';
import { overlayRanges, parsePool } from '../../../src/server/network/address-plan.ts';
import { serverHealth } from '../../../src/server/server-health.ts';

describe('the guard of connections', () => {
  const guard = () => new ConnectionGuard({ connections: 4, unprovedPerSource: 2, unprovedWhenLate: 3, opening: 1 });

  it('bounds one source, and all together', () => {
    const entered = guard();
    expect(entered.enter('1', 'a', false)).toBeUndefined();
    expect(entered.enter('2', 'a', false)).toBeUndefined();
    expect(entered.enter('3', 'a', false)).toBe('source');
    expect(entered.enter('4', 'b', false)).toBeUndefined();
    expect(entered.enter('5', 'c', false)).toBeUndefined();
    expect(entered.enter('6', 'd', false)).toBe('total');
    expect(entered.count).toBe(4);
  });

  it('forgets a connection that left, and counts a proved one for the total alone', () => {
    const entered = guard();
    for (const name of ['1', '2']) entered.enter(name, 'a', false);
    entered.leave('1');
    expect(entered.enter('3', 'a', false)).toBeUndefined();
    for (const name of ['2', '2', '3', 'unknown']) entered.prove(name);
    for (const name of ['4', '5']) expect(entered.enter(name, 'a', false)).toBeUndefined();
    expect(entered.enter('6', 'b', false)).toBe('total');
    for (const name of ['2', '3', '4', '5', '5']) entered.leave(name);
    expect(entered.count).toBe(0);
    for (const name of ['7', '8']) expect(entered.enter(name, 'a', false)).toBeUndefined();
    expect(entered.enter('9', 'a', false)).toBe('source');
  });
});

describe('a server that is late', () => {
  it('takes no more connections until those it has have proved who they are, or left', () => {
    const entered = new ConnectionGuard({ connections: 9, unprovedPerSource: 9, unprovedWhenLate: 3, opening: 1 });
    for (const name of ['1', '2', '3']) expect(entered.enter(name, 'a', true)).toBeUndefined();
    expect(entered.enter('4', 'b', true)).toBe('busy');
    expect(entered.enter('4', 'b', false)).toBeUndefined();
    entered.prove('1');
    entered.prove('1');
    expect(entered.enter('5', 'b', true)).toBe('busy');
    entered.leave('2');
    expect(entered.enter('5', 'b', true)).toBeUndefined();
  });

  it('is one whose timers come more than 250 ms late, or to which many come at once', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let now = 0;
    const watch = new LoopWatch(() => now);
    const look = (later: number) => {
      now += later;
      vi.advanceTimersByTime(50);
      return watch.isLate;
    };
    expect([look(50), look(299), look(301), look(60)]).toEqual([false, false, true, false]);
    for (let i = 0; i < 127; i++) watch.handleConnection();
    expect(watch.isLate).toBe(false);
    watch.handleConnection();
    expect([watch.isLate, look(50)]).toEqual([true, false]);
    watch.stop();
    vi.useRealTimers();
  });
});

describe('failed logins', () => {
  it('make a source wait after ten, for one more each six seconds, and are forgotten in a minute', () => {
    const logins = new FailedLogins();
    for (let i = 0; i < 9; i++) logins.handleFailure('a', millis(0));
    expect(logins.waitOf('a', millis(0))).toBe(0);
    logins.handleFailure('a', millis(0));
    expect(logins.waitOf('a', millis(0))).toBe(6_000);
    expect(logins.waitOf('b', millis(0))).toBe(0);
    expect(logins.waitOf('a', millis(6_000))).toBe(0);
    logins.handleFailure('a', millis(60_000));
    expect(logins.waitOf('a', millis(60_000))).toBe(0);
  });

  it('are remembered of ten thousand sources, the latest', () => {
    const logins = new FailedLogins();
    const fail = (source: string) => {
      for (let i = 0; i < 10; i++) logins.handleFailure(source, millis(0));
    };
    for (let i = 0; i <= 10_000; i++) fail(`${i}`);
    expect(logins.waitOf('0', millis(0))).toBe(0);
    expect(logins.waitOf('1', millis(0))).toBe(6_000);
    expect(logins.waitOf('10000', millis(0))).toBe(6_000);
  });
});

describe('the source of a connection', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:0db8:0001:0002::/64'],
    ['2001:db8:1:2::9', '2001:0db8:0001:0002::/64'],
    ['fe80::1%eth0', 'fe80:0000:0000:0000::/64'],
    [undefined, ''],
  ])('%s is %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});

describe('an address to listen on', () => {
  it.each([
    [':47247', undefined, 47_247],
    ['0.0.0.0:1', undefined, 1],
    ['[::]:1', undefined, 1],
    ['192.0.2.1:443', '192.0.2.1', 443],
    ['[2001:db8::1]:0', '2001:db8::1', 0],
  ])('%s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  it.each([
    '',
    '443',
    'host:443',
    '192.0.2.1',
    '192.0.2.1:',
    '1.2.3:4',
    '[1.2.3.4]:5',
    ':65536',
    '2001:db8::1:5',
  ])('is not %j', (text) => {
    expect(() => parseListenAddress(text)).toThrow(/no address to listen on/);
  });

  it('is where nodes reach it, and for all addresses those of the machine', () => {
    expect(reachableAt({ host: '192.0.2.1', port: 0 }, 5, [])).toEqual(['192.0.2.1:5']);
    expect(reachableAt({ host: '2001:db8::1', port: 0 }, 5, [])).toEqual(['[2001:db8::1]:5']);
    const all = reachableAt({ host: undefined, port: 0 }, 5, []);
    expect(all.length).toBeGreaterThan(0);
    for (const each of all) expect(each).toMatch(/^[\d.]+:5$|^\[[\da-f:]+\]:5$/);
  });
});

describe('the addresses of this machine that others reach', () => {
  it('are not those that it has in the network itself, nor those of its link alone', () => {
    const of = (address: string, family: 'IPv4' | 'IPv6', internal = false) =>
      ({ address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 }) as const;
    const eth0 = [of('fe80::1', 'IPv6'), of('2001:db8::1', 'IPv6'), of('192.0.2.1', 'IPv4')];
    const gscip = [of('100.64.0.1', 'IPv4'), of('fd01:203:405::1', 'IPv6')];
    const interfaces = { lo: [of('127.0.0.1', 'IPv4', true)], eth0, gscip, eth1: [of('100.128.0.1', 'IPv4')] };
    const plan = { pool: parsePool('100.64.0.0/10'), ula: Uint8Array.of(0xfd, 1, 2, 3, 4, 5) };
    const found = reachableAt({ host: undefined, port: 0 }, 5, overlayRanges(plan), interfaces);
    expect(found).toEqual(['192.0.2.1:5', '100.128.0.1:5', '[2001:db8::1]:5']);
    expect(reachableAt({ host: undefined, port: 0 }, 5, [], interfaces)).toContain('100.64.0.1:5');
  });
});

describe('the status of a refusal', () => {
  it.each([
    ['usage', 400],
    ['not-allowed', 403],
    ['unknown-node', 404],
    ['group-exists', 409],
    ['too-many-rolls', 409],
    ['database-full', 503],
    ['store-closed', 503],
  ])('%s is %i', (code, status) => {
    expect(failureOf(new GscipError(code, 'text', 'remedy'))).toEqual({
      status,
      body: { error: { code, text: 'text', remedy: 'remedy' } },
      isFault: false,
    });
  });
});

describe('the health of a server', () => {
  const now = unixSeconds(1_800_000_000);
  const inDays = (days: number) => ({ ends: unixSeconds(now + days * 86_400) });
  const fine = { trouble: () => undefined };

  it('tells of the database', () => {
    const store = { trouble: () => new GscipError('database-full', 'the disk is full', 'Make room.') };
    expect(serverHealth(store, inDays(200), false, [], now)).toEqual([
      { code: 'database-full', text: 'the disk is full; Make room.' },
    ]);
  });

  it('tells of a given certificate that ends within 30 days, and of none that renews itself', () => {
    expect(serverHealth(fine, inDays(31), true, [], now)).toEqual([]);
    expect(serverHealth(fine, inDays(29), true, [], now)).toMatchObject([
      { code: 'tls-certificate-ends', text: expect.stringContaining('29 days') },
    ]);
    expect(serverHealth(fine, inDays(-2), true, [], now)).toMatchObject([
      { text: expect.stringContaining('has ended') },
    ]);
    expect(serverHealth(fine, inDays(29), false, [], now)).toEqual([]);
  });

  it('tells of relays whose link is down', () => {
    expect(serverHealth(fine, inDays(200), false, ['oslo', 'paris'], now)).toMatchObject([
      { code: 'relay-not-connected', text: expect.stringContaining('oslo, paris') },
    ]);
  });
});
