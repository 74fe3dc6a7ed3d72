import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { parseTooBig4, parseTooBig6 } from '../../src/nat/icmp-too-big.ts';
import { address, ipv4, ipv6, udp } from '../base/ip-packets.ts';

const DATA = new Uint8Array(40).fill(0x10);
const inner4 = concat(ipv4(concat(udp(47_247, 5_000), DATA), { source: '192.0.2.1', destination: '203.0.113.9' }));
const inner6 = ipv6(concat(udp(47_247, 5_000), DATA), { source: '2001:db8::1', destination: '2001:db8::9' });

function icmp4(quoted: Uint8Array, mtu = 1_400, type = 3, code = 4): Uint8Array {
  const head = Uint8Array.of(type, code, 0, 0, 0, 0, mtu >>> 8, mtu & 255);
  return ipv4(concat(head, quoted), { source: '198.51.100.7', destination: '192.0.2.1', protocol: 1 });
}

function icmp6(quoted: Uint8Array, mtu = 1_400, type = 2): Uint8Array {
  return concat(Uint8Array.of(type, 0, 0, 0, 0, 0, mtu >>> 8, mtu & 255), quoted);
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const out = bytes.slice();
  out[at] = value;
  return out;
}

describe('ICMP of a datagram that was too large', () => {
  it('is read with all that it quotes, of both IP versions', () => {
    const word = { mtu: 1_400, sourcePort: 47_247, payload: DATA };
    expect(parseTooBig4(icmp4(inner4))).toEqual({ ...word, to: '203.0.113.9:5000' });
    expect(parseTooBig6(icmp6(inner6))).toEqual({ ...word, to: '[2001:db8::9]:5000' });
  });

  it('may quote no more than the UDP header', () => {
    expect(parseTooBig4(icmp4(inner4.slice(0, 28)))).toMatchObject({ payload: new Uint8Array(0) });
    expect(parseTooBig4(icmp4(inner4.slice(0, 27)))).toBe('short');
    expect(parseTooBig6(icmp6(inner6.slice(0, 47)))).toBe('short');
  });

  it.each([
    ['type', icmp4(inner4, 1_400, 3, 3)],
    ['type', icmp4(inner4, 1_400, 8, 4)],
    ['no-udp', icmp4(changed(inner4, 9, 6))],
    ['no-udp', icmp4(changed(inner4, 7, 1))],
    ['no-udp', icmp4(inner6)],
    ['no-mtu', icmp4(inner4, 0)],
    ['short', icmp4(new Uint8Array(0))],
  ])('is %s when it is something else', (fault, bytes) => expect(parseTooBig4(bytes)).toBe(fault));

  it.each([
    ['type', icmp6(inner6, 1_400, 1)],
    ['no-udp', icmp6(changed(inner6, 6, 44))],
    ['no-mtu', icmp6(inner6, 0)],
    ['port', icmp6(concat(inner6.slice(0, 42), new Uint8Array(46)))],
  ])('of IPv6 is %s when it is something else', (fault, bytes) => expect(parseTooBig6(bytes)).toBe(fault));

  it('W2: never throws, whatever comes', () => {
    const seeds = [icmp4(inner4), icmp6(inner6), address('192.0.2.1')];
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255))),
        fc.nat(120),
        (seed, edits, end) => {
          let bytes = seed;
          for (const [at, value] of edits) if (at < bytes.length) bytes = changed(bytes, at, value);
          for (const parse of [parseTooBig4, parseTooBig6])
            expect(['string', 'object']).toContain(typeof parse(bytes.slice(0, end)));
        },
      ),
    );
  });
});
