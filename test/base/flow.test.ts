import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCid } from '../../src/base/cid.ts';
import { parseFlow } from '../../src/base/flow.ts';
import { addressKey, cidOfWords, encodeWords, wordsOfCid, wordsOfKey } from '../../src/base/flow-cid.ts';
import { FLOW, FLOW_FLAG, FLOW_STATUS, FLOW_STATUS_NAMES } from '../../src/base/flow-words.ts';
import { formatAddress } from '../../src/base/ip-address.ts';
import { extension, fragmentHeader, icmp, ipv4, ipv6, parse, tcp, udp } from './ip-packets.ts';

/** "protocol source port > destination port" of the CID words. */
function shown(flow: Int32Array): string {
  const cid = cidOfWords(flow);
  const text = (bytes: Uint8Array) => formatAddress(cid.family === 4 ? bytes.slice(12) : bytes);
  return `${cid.protocol} ${text(cid.source)} ${cid.sourcePort} > ${text(cid.destination)} ${cid.destinationPort}`;
}

function statusName(packet: Uint8Array): string {
  return FLOW_STATUS_NAMES[parse(packet).status] ?? 'unknown';
}

const V4 = '100.64.0.1';
const V6 = 'fd00::1';

describe('the CID of a packet', () => {
  it.each([
    ['TCP', ipv4(tcp(40000, 443), { protocol: 6 }), `6 ${V4} 40000 > 100.64.0.2 443`],
    ['UDP', ipv4(udp(65535, 53, 30)), `17 ${V4} 65535 > 100.64.0.2 53`],
    ['IPv4 options before UDP', ipv4(udp(1, 2), { options: new Uint8Array(8) }), `17 ${V4} 1 > 100.64.0.2 2`],
    ['ICMP echo: id as both ports', ipv4(icmp(8, 0xbeef), { protocol: 1 }), `1 ${V4} 48879 > 100.64.0.2 48879`],
    ['ICMP echo reply', ipv4(icmp(0, 7), { protocol: 1 }), `1 ${V4} 7 > 100.64.0.2 7`],
    ['another ICMP type: ports 0', ipv4(icmp(13, 7), { protocol: 1 }), `1 ${V4} 0 > 100.64.0.2 0`],
    ['another protocol: ports 0', ipv4(udp(1, 2), { protocol: 132 }), `132 ${V4} 0 > 100.64.0.2 0`],
    ['a packet without anything above IP', ipv4(new Uint8Array(0), { protocol: 47 }), `47 ${V4} 0 > 100.64.0.2 0`],
    ['ICMPv6 inside IPv4 is another protocol', ipv4(icmp(128, 7), { protocol: 58 }), `58 ${V4} 0 > 100.64.0.2 0`],
    ['TCP over IPv6', ipv6(tcp(1, 2), { next: 6 }), `6 ${V6} 1 > fd00::2 2`],
    ['ICMPv6 echo', ipv6(icmp(128, 9), { next: 58 }), `58 ${V6} 9 > fd00::2 9`],
    [
      'UDP behind hop-by-hop, routing and destination options',
      ipv6(Buffer.concat([extension(43), extension(60, 3), extension(17, 2), udp(5, 6)]), { next: 0 }),
      `17 ${V6} 5 > fd00::2 6`,
    ],
    [
      'an atomic fragment is a whole packet',
      ipv6(Buffer.concat([fragmentHeader(17, 1, 0, false), udp(5, 6)]), { next: 44 }),
      `17 ${V6} 5 > fd00::2 6`,
    ],
  ])('%s', (_, packet, expected) => {
    const { status, flow } = parse(packet);
    expect(FLOW_STATUS_NAMES[status]).toBe('ok');
    expect(shown(flow)).toBe(expected);
    expect(flow[FLOW.flags]).toBe(0);
  });

  it('has the offset, length and TCP flags beside it', () => {
    const { flow } = parse(ipv4(tcp(1, 2, 0x12, 100), { protocol: 6, options: new Uint8Array(4) }));
    expect([flow[FLOW.l4Offset], flow[FLOW.payloadLength], flow[FLOW.tcpFlags]]).toEqual([24, 120, 0x12]);
    expect(parse(ipv4(udp(1, 2))).flow[FLOW.tcpFlags]).toBe(0);
  });

  it('is the same in words, in 38 bytes and as an object', () => {
    for (const packet of [ipv4(udp(1, 65535)), ipv6(tcp(65535, 2), { next: 6 })]) {
      const { flow } = parse(packet);
      const bytes = new Uint8Array(40);
      expect(encodeWords(flow, new DataView(bytes.buffer), 1)).toBe(38);
      expect(bytes.slice(1, 39)).toEqual(encodeCid(cidOfWords(flow)));
      const again = new Int32Array(FLOW.stride);
      wordsOfCid(cidOfWords(flow), again);
      expect(again.slice(0, FLOW.cidWords)).toEqual(flow.slice(0, FLOW.cidWords));
    }
  });

  it('gives an address key that leads back to the address', () => {
    for (const packet of [ipv4(udp(1, 2)), ipv6(udp(1, 2), { destination: 'fd00:ffff:8000::2' })]) {
      const { flow } = parse(packet);
      const words = new Int32Array(4).fill(9);
      const family = wordsOfKey(addressKey(flow, FLOW.destination), words, 0);
      expect(family).toBe(flow[FLOW.head] >>> 8);
      expect(words).toEqual(flow.slice(FLOW.destination, FLOW.destination + 4));
    }
  });
});

describe('fragments', () => {
  const first = { id: 77, more: true };
  it('of IPv4 tell id, place and whether more follow', () => {
    const { status, flow } = parse(ipv4(udp(1, 2, 8), { ...first }));
    expect(status).toBe(0);
    expect(flow[FLOW.flags]).toBe(FLOW_FLAG.fragment | FLOW_FLAG.firstFragment | FLOW_FLAG.moreFragments);
    expect([flow[FLOW.fragmentId], flow[FLOW.fragmentOffset], flow[FLOW.fragmentEnd]]).toEqual([77, 0, 16]);
    expect(flow[FLOW.ports]).toBe((1 << 16) | 2);
    const later = parse(ipv4(new Uint8Array(5), { id: 77, fragmentOffset: 16 })).flow;
    expect(later[FLOW.flags]).toBe(FLOW_FLAG.fragment);
    expect([later[FLOW.fragmentOffset], later[FLOW.fragmentEnd], later[FLOW.ports]]).toEqual([16, 21, 0]);
  });

  it('of IPv6 count their part from behind the fragment header', () => {
    const packet = ipv6(Buffer.concat([fragmentHeader(60, 0xdeadbeef, 0, true), extension(17), udp(1, 2, 8)]), {
      next: 44,
    });
    const { status, flow } = parse(packet);
    expect(status).toBe(0);
    expect([flow[FLOW.fragmentId] >>> 0, flow[FLOW.fragmentOffset], flow[FLOW.fragmentEnd]]).toEqual([
      0xdeadbeef, 0, 24,
    ]);
    expect(flow[FLOW.ports]).toBe((1 << 16) | 2);
    const later = parse(ipv6(Buffer.concat([fragmentHeader(60, 1, 24, false), new Uint8Array(3)]), { next: 44 })).flow;
    expect([later[FLOW.fragmentOffset], later[FLOW.fragmentEnd], later[FLOW.ports]]).toEqual([24, 27, 0]);
  });

  it.each([
    [
      'P3: a first fragment of TCP without its whole header',
      ipv4(tcp(1, 2).slice(0, 16), { protocol: 6, ...first }),
      'tiny-fragment',
    ],
    [
      'P3: a first fragment of TCP without its options',
      ipv4(tcp(1, 2, 2, 4, 9).slice(0, 24), { protocol: 6, ...first }),
      'tiny-fragment',
    ],
    [
      'P3: a first fragment of UDP without ports',
      ipv6(Buffer.concat([fragmentHeader(60, 1, 0, true), extension(17)]), { next: 44 }),
      'tiny-fragment',
    ],
    ['more to follow but not a multiple of 8 bytes', ipv4(udp(1, 2, 3), { ...first }), 'bad-fragment'],
    ['beyond the largest datagram', ipv4(new Uint8Array(40), { fragmentOffset: 65_504 }), 'bad-fragment'],
    [
      'two fragment headers',
      ipv6(Buffer.concat([fragmentHeader(44, 1, 0, true), fragmentHeader(17, 1, 0, true), udp(1, 2)]), { next: 44 }),
      'extension-header',
    ],
    [
      'an ICMP error in pieces',
      ipv4(icmp(3, 0, ipv4(udp(1, 2)).slice(0, 24)), { protocol: 1, ...first }),
      'icmp-embedded',
    ],
  ])('%s drops', (_, packet, expected) => {
    expect(statusName(packet)).toBe(expected);
  });
});

describe('ICMP errors', () => {
  const sent = ipv4(udp(1000, 53, 40), { source: '100.64.0.1', destination: '100.64.0.9' });
  const error = (type: number, embedded: Uint8Array, source = '192.0.2.1') =>
    ipv4(icmp(type, 0, embedded), { protocol: 1, source, destination: '100.64.0.1' });

  it.each([3, 11, 12])('of type %i have the embedded CID, reversed, and keep their own addresses', (type) => {
    const { status, flow } = parse(error(type, sent.slice(0, 28)));
    expect(status).toBe(0);
    expect(shown(flow)).toBe('17 100.64.0.9 53 > 100.64.0.1 1000');
    expect(flow[FLOW.flags]).toBe(FLOW_FLAG.icmpError);
    expect(flow[FLOW.outerSource + 3] >>> 0).toBe(0xc0000201);
    expect(flow[FLOW.outerDestination + 3] >>> 0).toBe(0x64400001);
    expect([flow[FLOW.l4Offset], flow[FLOW.payloadLength]]).toEqual([20, 36]);
  });

  it('of IPv6 likewise, whatever the type below 128', () => {
    const embedded = ipv6(tcp(7, 8), { next: 6, source: 'fd00::1', destination: 'fd00::9' }).slice(0, 48);
    for (const type of [1, 2, 3, 4, 100]) {
      const { status, flow } = parse(
        ipv6(icmp(type, 0, embedded), { next: 58, source: '2001:db8::1', destination: 'fd00::1' }),
      );
      expect(status).toBe(0);
      expect(shown(flow)).toBe('6 fd00::9 8 > fd00::1 7');
    }
  });

  it('about an echo name the echo by its id', () => {
    const { flow } = parse(error(3, ipv4(icmp(8, 321), { protocol: 1, destination: '100.64.0.9' })));
    expect(shown(flow)).toBe('1 100.64.0.9 321 > 100.64.0.1 321');
  });

  it.each([
    ['cut before the ports', error(3, sent.slice(0, 27)), 'icmp-embedded'],
    ['without anything inside', error(3, new Uint8Array(0)), 'icmp-embedded'],
    ['about an error', error(3, error(11, sent.slice(0, 28))), 'icmp-embedded'],
    ['about a later fragment', error(3, ipv4(new Uint8Array(8), { fragmentOffset: 8 })), 'icmp-embedded'],
    ['of one family about a packet of the other', error(3, ipv6(udp(1, 2))), 'icmp-embedded'],
    ['that are redirects', error(5, sent.slice(0, 28)), 'icmp-redirect'],
    ['that are redirects of IPv6', ipv6(icmp(137, 0, new Uint8Array(32)), { next: 58 }), 'icmp-redirect'],
    ['P2: from a forbidden address', error(3, sent.slice(0, 28), '127.0.0.1'), 'loopback'],
    ['P2: about a forbidden address', error(3, ipv4(udp(1, 2), { destination: '224.0.0.1' })), 'multicast'],
  ])('%s drop', (_, packet, expected) => {
    expect(statusName(packet)).toBe(expected);
  });
});

describe('P2: addresses that never reach the PIT', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.0.1', 'link-local'],
    ['224.0.0.251', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::ffff:100.64.0.1', 'mapped-address'],
    ['::100.64.0.1', 'mapped-address'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['ff02::1', 'multicast'],
    ['126.255.255.255', 'ok'],
    ['128.0.0.1', 'ok'],
    ['169.253.1.1', 'ok'],
    ['169.255.1.1', 'ok'],
    ['223.255.255.255', 'ok'],
    ['255.255.255.254', 'ok'],
    ['fec0::1', 'ok'],
    ['fe7f::1', 'ok'],
    ['::1:0:0:1', 'ok'],
    ['0:0:0:1::', 'ok'],
  ];
  it.each(rows)('P2: %s is %s, as source and as destination', (text, expected) => {
    const build = text.includes(':') ? ipv6 : ipv4;
    expect(statusName(build(udp(1, 2), { source: text }))).toBe(expected);
    expect(statusName(build(udp(1, 2), { destination: text }))).toBe(expected);
  });
});

describe('malformed packets', () => {
  const good4 = ipv4(tcp(1, 2), { protocol: 6 });
  const changed = (packet: Uint8Array, at: number, value: number) => packet.map((byte, i) => (i === at ? value : byte));
  it.each([
    ['nothing', new Uint8Array(0), 'short'],
    ['19 bytes', good4.slice(0, 19), 'short'],
    ['version 5', changed(good4, 0, 0x55), 'version'],
    ['a header of 16 bytes', changed(good4, 0, 0x44), 'ip-header'],
    ['a header longer than the packet', changed(good4, 0, 0x4f), 'ip-header'],
    ['a total length below the real one', changed(good4, 3, 39), 'length'],
    ['a total length above the real one', changed(good4, 3, 41), 'length'],
    ['a TCP header cut off', ipv4(tcp(1, 2).slice(0, 19), { protocol: 6 }), 'short'],
    ['a TCP header of 16 bytes', ipv4(tcp(1, 2, 0, 0, 4), { protocol: 6 }), 'tcp-header'],
    ['a TCP header beyond the end', changed(good4, 32, 0x60), 'tcp-header'],
    ['a UDP header cut off', ipv4(udp(1, 2).slice(0, 7)), 'short'],
    ['an ICMP header cut off', ipv4(icmp(8, 1).slice(0, 7), { protocol: 1 }), 'short'],
    ['IPv6 of 39 bytes', ipv6(new Uint8Array(0)).slice(0, 39), 'short'],
    ['IPv6 with another length', changed(ipv6(udp(1, 2)), 5, 9), 'length'],
    ['an extension header beyond the end', ipv6(changed(extension(17), 1, 1), { next: 0 }), 'extension-header'],
    ['half an extension header', ipv6(extension(17).slice(0, 4), { next: 60 }), 'extension-header'],
    [
      'nine extension headers',
      ipv6(Buffer.concat([...Array(8).fill(extension(60)), extension(17), udp(1, 2)]), { next: 60 }),
      'extension-header',
    ],
  ])('%s', (_, packet, expected) => {
    expect(statusName(packet)).toBe(expected);
  });

  it('never throw and never give a status without a name', () => {
    const near = fc
      .tuple(
        fc.constantFrom(
          good4,
          ipv4(icmp(3, 0, good4), { protocol: 1 }),
          ipv6(Buffer.concat([fragmentHeader(60, 1, 0, true), extension(6), tcp(1, 2, 2, 8)]), { next: 44 }),
        ),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
        fc.nat(120),
      )
      .map(([packet, changes, length]) => {
        const bytes = packet.slice(0, length);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), near), (packet) => {
        const { status } = parse(packet);
        expect(FLOW_STATUS_NAMES[status]).toBeTypeOf('string');
      }),
      { numRuns: 3000 },
    );
  });

  it('names every status once, in the order of its number', () => {
    expect(Object.values(FLOW_STATUS)).toEqual(FLOW_STATUS_NAMES.map((_, i) => i));
    expect(new Set(FLOW_STATUS_NAMES).size).toBe(FLOW_STATUS_NAMES.length);
  });

  it('do not read outside of the packet', () => {
    const packet = ipv4(udp(1, 2));
    const tight = packet.slice();
    expect(parseFlow(new DataView(tight.buffer), 0, tight.length, new Int32Array(FLOW.stride))).toBe(0);
    for (let length = 0; length < tight.length; length++) {
      const cut = packet.slice(0, length);
      expect(() => parseFlow(new DataView(cut.buffer), 0, length, new Int32Array(FLOW.stride))).not.toThrow();
    }
  });
});
