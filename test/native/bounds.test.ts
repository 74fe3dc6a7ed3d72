import { expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { describeImplementations, withBench } from '../pccom/implementations.ts';
import { be, innerPacket, payloadOf, referenceSum } from '../pccom/inner-packet.ts';
import { coalesce, counted, forge, handMade, openMessages } from '../pccom/primitive-kit.ts';

const REJECTED = { 'bad-inner-header': 1 };

/** An IPv4 packet of 40 bytes whose header claims 60, with a checksum that holds over the 20 bytes behind it too. */
function reachingBeyond(behind: Uint8Array): Uint8Array {
  const packet = innerPacket({ payload: payloadOf(0) })
    .with(0, 0x4f)
    .with(9, 1);
  packet.set([0, 0], 10);
  packet.set(be(2, 0xffff - referenceSum(concat(packet, behind.subarray(0, 20)))), 10);
  return packet;
}

/** An IPv6 packet with a destination options header of the given length byte, in front of ICMPv6. */
const optionsOf = (units: number) =>
  innerPacket({ version: 6, payload: payloadOf(20) })
    .with(6, 60)
    .with(40, 58)
    .with(41, units);

describeImplementations('headers that reach beyond their record', (primitives) => {
  it('T2: an IPv4 header is not read beyond its record, even where the bytes behind it would do', () => {
    const next = innerPacket({ payload: payloadOf(30) });
    const opened = handMade([{ bytes: reachingBeyond(next) }, { bytes: next }]);
    const { result, counts } = counted(primitives, () => coalesce(primitives, opened, true));
    expect(result.map((piece) => piece.packet)).toEqual([next]);
    expect(counts).toEqual({ ...REJECTED, 'tun-writes': 1 });
  });

  const rows = [
    ['that ends with the record', 4, { opened: 1 }],
    ['that ends behind the record', 5, { opened: 1, ...REJECTED }],
    ['of the greatest length', 255, { opened: 1, ...REJECTED }],
  ] as const;
  for (const [name, units, counts] of rows) {
    it(`T2: an extension header ${name}, in front of another protocol than TCP and UDP`, () =>
      withBench(primitives, (bench) => {
        const { keys, index } = bench.loop();
        const bytes = forge(keys, index, 0, optionsOf(units));
        expect(counted(primitives, () => openMessages(primitives, [{ bytes }])).counts).toEqual(counts);
      }));
  }
});
