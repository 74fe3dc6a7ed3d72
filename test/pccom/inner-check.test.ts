import { expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { be, headerBytes, type InnerPacket, innerPacket, payloadOf, referenceSum, TCP } from './inner-packet.ts';
import { counted, forge, openMessages, recordsOf } from './primitive-kit.ts';

type Fields = Partial<InnerPacket>;
type Outcome = 'passes' | 'bad-inner-header' | 'bad-inner-checksum' | 'bad-flags';

const PAYLOAD = payloadOf(33);
const base = (fields: Fields = {}) => innerPacket({ payload: PAYLOAD, ...fields });
const v6 = (fields: Fields = {}) => base({ version: 6, ...fields });
const udp = (fields: Fields = {}) => base({ protocol: 'udp', ...fields });

/** Puts bytes at an offset and makes the IPv4 header checksum right again. */
function patched(packet: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array {
  const out = packet.slice();
  out.set(bytes, at);
  if (out[0] >> 4 !== 4) return out;
  out.set([0, 0], 10);
  out.set(be(2, 0xffff - referenceSum(out.subarray(0, (out[0] & 15) * 4))), 10);
  return out;
}

/** An extension header of `units` 8-byte units. */
const extension = (next: number, units = 1) => concat(Uint8Array.of(next, units - 1), new Uint8Array(8 * units - 2));
const chain = (count: number) =>
  concat(...Array.from({ length: count }, (_, i) => extension(i === count - 1 ? 6 : 60)));
const routed = concat(Uint8Array.of(6, 2, 2, 0, 0, 0, 0, 0), new Uint8Array(16).fill(0xfd));
const fragment6 = (offset: number, more: number, next = 6) =>
  Uint8Array.of(next, 0, offset >> 5, ((offset << 3) & 0xff) | more, 0, 0, 0, 7);
const authentication = concat(Uint8Array.of(6, 4, 0, 0), new Uint8Array(20));
const with6 = (firstExtension: number, extra: Uint8Array, fields: Fields = {}) =>
  v6({ firstExtension, extra, ...fields });

/** A packet, whether it travels with the partial flag, and what becomes of it. */
const ROWS: readonly (readonly [string, Uint8Array, 0 | 1, Outcome])[] = [
  ['TCP over IPv4', base(), 0, 'passes'],
  ['TCP over IPv6', v6(), 0, 'passes'],
  ['UDP over IPv4', udp(), 0, 'passes'],
  ['UDP over IPv6', udp({ version: 6 }), 0, 'passes'],
  ['a partial checksum with its flag', base({ checksum: 'partial' }), 1, 'passes'],
  ['a partial checksum of UDP over IPv6 with its flag', udp({ version: 6, checksum: 'partial' }), 1, 'passes'],
  ['a TCP packet of headers alone', base({ payload: payloadOf(0) }), 0, 'passes'],
  ['an empty UDP datagram', udp({ payload: payloadOf(0) }), 0, 'passes'],
  ['TCP options', base({ tcpOptions: new Uint8Array(40).fill(1) }), 0, 'passes'],
  ['IPv4 options', base({ extra: Uint8Array.of(7, 3, 4, 0) }), 0, 'passes'],
  ['any TCP flags', base({ flags: TCP.syn | TCP.urg | TCP.fin }), 0, 'passes'],

  ['the first byte of a packet alone', Uint8Array.of(0x45), 0, 'bad-inner-header'],
  ['IPv4 of 19 bytes', base().slice(0, 19), 0, 'bad-inner-header'],
  ['IPv4 with an IHL of 4', patched(base(), 0, 0x44), 0, 'bad-inner-header'],
  ['IPv4 of another protocol with an IHL of 4', patched(patched(base(), 9, 1), 0, 0x44), 0, 'bad-inner-header'],
  [
    'IPv4 with an IHL beyond the record',
    patched(patched(base().slice(0, 24), 0, 0x4f), 2, 0, 24),
    0,
    'bad-inner-header',
  ],
  ['IPv4 total length one too small', patched(base(), 2, 0, base().length - 1), 0, 'bad-inner-header'],
  ['IPv4 total length one too large', patched(base(), 2, 0, base().length + 1), 0, 'bad-inner-header'],
  ['IPv4 total length 0', patched(base(), 2, 0, 0), 0, 'bad-inner-header'],
  ['bytes behind the IPv4 packet', concat(base(), payloadOf(1)), 0, 'bad-inner-header'],
  ['a wrong IPv4 header checksum', base().with(8, 63), 0, 'bad-inner-header'],
  ['IPv6 of 39 bytes', v6().slice(0, 39), 0, 'bad-inner-header'],
  ['IPv6 payload length one too small', patched(v6(), 4, 0, v6().length - 41), 0, 'bad-inner-header'],
  ['IPv6 payload length one too large', patched(v6(), 4, 0, v6().length - 39), 0, 'bad-inner-header'],
  ['IPv6 payload length 0 (a jumbogram)', patched(v6(), 4, 0, 0), 0, 'bad-inner-header'],
  ['TCP of 19 bytes', patched(base().slice(0, 39), 2, 0, 39), 0, 'bad-inner-header'],
  ['TCP over IPv6 of 19 bytes', patched(v6().slice(0, 59), 4, 0, 19), 0, 'bad-inner-header'],
  ['TCP with a data offset of 16 bytes', base().with(32, 0x40), 0, 'bad-inner-header'],
  ['TCP with a data offset of 0', base().with(32, 0), 0, 'bad-inner-header'],
  ['TCP with a data offset beyond the packet', base().with(32, 0xf0), 0, 'bad-inner-header'],
  ['UDP of 7 bytes', patched(udp().slice(0, 27), 2, 0, 27), 0, 'bad-inner-header'],
  ['UDP length one too small', patched(udp(), 24, 0, 40), 0, 'bad-inner-header'],
  ['UDP length one too large', patched(udp(), 24, 0, 42), 0, 'bad-inner-header'],
  ['UDP length 0', patched(udp(), 24, 0, 0), 0, 'bad-inner-header'],

  ['a wrong TCP checksum', base().with(36, base()[36] ^ 1), 0, 'bad-inner-checksum'],
  ['a wrong TCP payload byte', base().with(50, base()[50] ^ 1), 0, 'bad-inner-checksum'],
  ['a wrong last odd byte', base().with(72, base()[72] ^ 1), 0, 'bad-inner-checksum'],
  ['a wrong UDP checksum', udp().with(26, udp()[26] ^ 1), 0, 'bad-inner-checksum'],
  ['a wrong IPv6 address under the checksum', v6().with(23, 0x77), 0, 'bad-inner-checksum'],
  ['a partial TCP checksum without its flag', base({ checksum: 'partial' }), 0, 'bad-inner-checksum'],
  ['a TCP checksum of 0', base({ checksum: 'none' }), 0, 'bad-inner-checksum'],
  ['UDP without a checksum over IPv4', udp({ checksum: 'none' }), 0, 'passes'],
  ['UDP without a checksum over IPv6', udp({ version: 6, checksum: 'none' }), 0, 'passes'],

  ['another protocol than TCP and UDP', patched(base(), 9, 1), 0, 'passes'],
  ['the partial flag on another protocol', patched(base(), 9, 1), 1, 'bad-flags'],
  ['another protocol over IPv6', patched(v6(), 6, 58), 0, 'passes'],
  ['IPv4 without anything behind its header', patched(patched(base().slice(0, 20), 2, 0, 20), 9, 1), 0, 'passes'],

  ['a first IPv4 fragment', base({ fragment: 0x2000, checksum: 'none' }), 0, 'passes'],
  ['the partial flag on a first fragment', base({ fragment: 0x2000, checksum: 'partial' }), 1, 'bad-flags'],
  ['a first UDP fragment whose length is that of the whole', patched(udp({ fragment: 0x2000 }), 24, 9, 9), 0, 'passes'],
  ['a tiny first TCP fragment', patched(base({ fragment: 0x2000 }).slice(0, 39), 2, 0, 39), 0, 'bad-inner-header'],
  ['a tiny first UDP fragment', patched(udp({ fragment: 0x2000 }).slice(0, 27), 2, 0, 27), 0, 'bad-inner-header'],
  [
    'a first TCP fragment that ends within its options',
    base({ fragment: 0x2000 }).with(32, 0xf0),
    0,
    'bad-inner-header',
  ],
  ['a later IPv4 fragment of any bytes', patched(base({ fragment: 0x0001 }).slice(0, 21), 2, 0, 21), 0, 'passes'],
  ['the partial flag on a later fragment', base({ fragment: 0x0001 }), 1, 'bad-flags'],
  ['a first IPv6 fragment', with6(44, fragment6(0, 1)), 0, 'passes'],
  ['a later IPv6 fragment', with6(44, fragment6(9, 1)), 0, 'passes'],
  [
    'the partial flag on a whole IPv6 packet with a fragment header',
    with6(44, fragment6(0, 0), { checksum: 'partial' }),
    1,
    'bad-flags',
  ],
  ['a later IPv6 fragment whose next header would be an extension', with6(44, fragment6(9, 0, 60)), 0, 'passes'],

  ['hop-by-hop and destination options', with6(0, concat(extension(60), extension(6, 2))), 0, 'passes'],
  ['the partial flag behind extension headers', with6(60, extension(6), { checksum: 'partial' }), 1, 'passes'],
  ['an authentication header', with6(51, authentication), 0, 'passes'],
  ['a routing header', with6(43, routed), 0, 'passes'],
  ['a routing header over a checksum that cannot be judged', with6(43, routed, { checksum: 'none' }), 0, 'passes'],
  ['the partial flag behind a routing header', with6(43, routed, { checksum: 'partial' }), 1, 'bad-flags'],
  ['eight extension headers', with6(60, chain(8)), 0, 'passes'],
  ['nine extension headers', with6(60, chain(9)), 0, 'bad-inner-header'],
  ['hop-by-hop options that are not first', with6(60, concat(extension(0), extension(6))), 0, 'bad-inner-header'],
  [
    'an extension header that reaches one unit beyond the packet',
    with6(60, extension(6).with(1, 7)),
    0,
    'bad-inner-header',
  ],
  ['an authentication header beyond the packet', with6(51, authentication.with(1, 255)), 0, 'bad-inner-header'],
  [
    'an extension header beyond the packet with nothing after it',
    with6(60, extension(59).with(1, 7)),
    0,
    'bad-inner-header',
  ],
  ['an extension header cut in half', patched(patched(v6().slice(0, 44), 4, 0, 4), 6, 60), 0, 'bad-inner-header'],
  ['a fragment header cut in half', patched(patched(v6().slice(0, 47), 4, 0, 7), 6, 44), 0, 'bad-inner-header'],
  ['no next header', patched(v6(), 6, 59), 0, 'passes'],
];

describeImplementations('inner header checks', (primitives) => {
  for (const [name, packet, flags, outcome] of ROWS) {
    it(`T2: ${name}: ${outcome}`, () => {
      withBench(primitives, (bench) => {
        const { index, keys } = bench.loop();
        const bytes = forge(keys, index, 0, packet, flags);
        const { result, counts } = counted(primitives, () => openMessages(primitives, [{ bytes }]));
        expect(counts).toEqual(outcome === 'passes' ? { opened: 1 } : { opened: 1, [outcome]: 1 });
        expect(recordsOf(result)).toEqual(outcome === 'passes' ? [packet] : []);
      });
    });
  }

  it('T2: every cut of a packet is either whole or refused', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const packets = [base(), v6(), udp(), with6(60, chain(3))];
      let counter = 0;
      for (const packet of packets) {
        const cuts = Array.from({ length: packet.length }, (_, length) => packet.slice(0, length)).slice(1);
        const inputs = cuts.map((cut) => ({ bytes: forge(keys, index, counter++, cut) }));
        const { counts } = counted(primitives, () => openMessages(primitives, inputs));
        expect(counts).toEqual({ opened: cuts.length, 'bad-inner-header': cuts.length });
      }
    });
  });

  it('T2: every changed header byte of a TCP packet is noticed', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const packet = base();
      let counter = 0;
      for (let at = 0; at < headerBytes({}).all; at++) {
        const bytes = forge(keys, index, counter++, packet.with(at, packet[at] ^ 0x01));
        const opened = openMessages(primitives, [{ bytes }]);
        expect(recordsOf(opened), `byte ${at}`).toEqual([]);
      }
    });
  });
});
