import { describe, expect, it } from 'vitest';
import { millis, unixSeconds } from '../../../src/base/brands.ts';
import { GscipError } from '../../../src/base/errors.ts';
import { ConnectionGuard } from '../../../src/server/http/connection-guard.ts';
import { FailedLogins } from '../../../src/server/http/failed-logins.ts';
import { failureOf } from '../../../src/server/http/failure.ts';
import { sourceOf } from '../../../src/server/http/source.ts';
import { parseListenAddress, reachableAt } from '../../../src/server/listen-address.ts';
import { serverHealth } from '../../../src/server/server-health.ts';

describe('the guard of connections', () => {
  const guard = () => new ConnectionGuard({ connections: 4, unprovedPerSource: 2, opening: 1 });

  it('bounds one source, and all together', () => {
    const entered = guard();
    expect(entered.enter('1', 'a')).toBeUndefined();
    expect(entered.enter('2', 'a')).toBeUndefined();
    expect(entered.enter('3', 'a')).toBe('source');
    expect(entered.enter('4', 'b')).toBeUndefined();
    expect(entered.enter('5', 'c')).toBeUndefined();
    expect(entered.enter('6', 'd')).toBe('total');
    expect(entered.count).toBe(4);
  });

  it('forgets a connection that left, and counts a proved one for the total alone', () => {
    const entered = guard();
    for (const name of ['1', '2']) entered.enter(name, 'a');
    entered.leave('1');
    expect(entered.enter('3', 'a')).toBeUndefined();
    for (const name of ['2', '2', '3', 'unknown']) entered.prove(name);
    for (const name of ['4', '5']) expect(entered.enter(name, 'a')).toBeUndefined();
    expect(entered.enter('6', 'b')).toBe('total');
    for (const name of ['2', '3', '4', '5', '5']) entered.leave(name);
    expect(entered.count).toBe(0);
    for (const name of ['7', '8']) expect(entered.enter(name, 'a')).toBeUndefined();
    expect(entered.enter('9', 'a')).toBe('source');
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
    expect(reachableAt({ host: '192.0.2.1', port: 0 }, 5)).toEqual(['192.0.2.1:5']);
    expect(reachableAt({ host: '2001:db8::1', port: 0 }, 5)).toEqual(['[2001:db8::1]:5']);
    const all = reachableAt({ host: undefined, port: 0 }, 5);
    expect(all.length).toBeGreaterThan(0);
    for (const each of all) expect(each).toMatch(/^[\d.]+:5$|^\[[\da-f:]+\]:5$/);
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
    expect(serverHealth(store, inDays(200), false, now)).toEqual([
      { code: 'database-full', text: 'the disk is full; Make room.' },
    ]);
  });

  it('tells of a given certificate that ends within 30 days, and of none that renews itself', () => {
    expect(serverHealth(fine, inDays(31), true, now)).toEqual([]);
    expect(serverHealth(fine, inDays(29), true, now)).toMatchObject([
      { code: 'tls-certificate-ends', text: expect.stringContaining('29 days') },
    ]);
    expect(serverHealth(fine, inDays(-2), true, now)).toMatchObject([{ text: expect.stringContaining('has ended') }]);
    expect(serverHealth(fine, inDays(29), false, now)).toEqual([]);
  });
});
