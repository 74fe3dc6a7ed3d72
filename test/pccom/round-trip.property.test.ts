import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import type { PacketPrimitives } from '../../src/base/primitives.ts';
import { SUITE } from '../../src/base/primitives.ts';
import { describeImplementations, withBench } from './implementations.ts';
import { expectedSegments, headerBytes, type InnerPacket, innerPacket } from './inner-packet.ts';
import { type Train, trainPackets, trainPayload, trains } from './packet-arbitraries.ts';
import {
  asMessages,
  coalesce,
  counted,
  deliverAll,
  GSO_TCP_PARTIAL,
  GSO_UDP_PARTIAL,
  openMessages,
  type PacketInput,
  type PieceView,
  sealPackets,
} from './primitive-kit.ts';

function superInput(fields: Partial<InnerPacket>, bytes: Uint8Array, gsoSize: number, sa: number): PacketInput {
  const header = headerBytes(fields);
  const kind = fields.protocol === 'udp' ? GSO_UDP_PARTIAL : GSO_TCP_PARTIAL;
  return { bytes, sa, kind, gsoSize, headerLength: header.all, l4Offset: header.l4 };
}

/** The train as it comes from TUN. */
function inputsOf(train: Train, sa: number): PacketInput[] {
  if (train.asSuper) {
    const fields = { ...train.fields, payload: trainPayload(train), checksum: 'partial' } as const;
    return [superInput(fields, innerPacket(fields), train.size, sa)];
  }
  const kind = train.fields.checksum === 'partial' ? 0x100 : 0;
  return trainPackets(train).map((fields) => ({ bytes: innerPacket(fields), sa, kind }));
}

/** The train's packets as a receiver's stack must see them, checksums complete. */
function packetsOf(train: Train): Uint8Array[] {
  const full = { ...train.fields, checksum: 'full' } as const;
  if (train.asSuper) return expectedSegments({ ...full, payload: trainPayload(train) }, train.size);
  return trainPackets(train).map((fields) => innerPacket({ ...fields, checksum: 'full' }));
}

/** What is written to TUN, read from it again by another node. */
function inputOf(piece: PieceView, sa: number): PacketInput {
  const kind = piece.gsoType === 0 ? 0 : piece.gsoType === 5 ? 2 : 1;
  const gso = { gsoSize: piece.gsoSize, headerLength: piece.headerLength, l4Offset: piece.checksumStart };
  return { bytes: piece.packet, sa, kind: kind | (piece.flags === 1 ? 0x100 : 0), ...(kind === 0 ? {} : gso) };
}

function carry(primitives: PacketPrimitives, inputs: readonly PacketInput[], vnet: boolean): PieceView[] {
  const { result, counts } = counted(primitives, () => {
    const sealed = sealPackets(primitives, inputs, 1_000_000, 2_000);
    const opened = deliverAll(openMessages(primitives, asMessages(sealed), 2_000, 2_000));
    return coalesce(primitives, opened, vnet, 1_000_000);
  });
  expect(Object.keys(counts).toSorted()).toEqual(['opened', 'sealed', 'sends', 'tun-writes']);
  return result;
}

/** The ninth of these TCP segments has a checksum of 0, which stays 0. */
const ZERO_CHECKSUM: Train = {
  fields: {
    version: 6,
    protocol: 'tcp',
    source: 3,
    destination: 3,
    sourcePort: 10_002,
    destinationPort: 80,
    ttl: 64,
    tos: 0,
    id: 0,
    sequence: 4_294_967_040,
    window: 0,
    flags: 16,
    tcpOptions: new Uint8Array(40).fill(1),
    checksum: 'partial',
    extra: Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0),
    firstExtension: 60,
  },
  size: 41,
  count: 11,
  last: 1,
  asSuper: false,
};

describeImplementations('round trip', (primitives) => {
  for (const [name, suite] of Object.entries(SUITE)) {
    it(`sealed, opened, joined and cut again, every packet comes out as it was (${name})`, () => {
      fc.assert(
        fc.property(trains, fc.integer({ min: 0, max: 255 }), (list, seed) =>
          withBench(primitives, (bench) => {
            const first = bench.loop({ seed, suite });
            const second = bench.loop({ seed: seed + 1, suite });
            const inputs = list.flatMap((train) => inputsOf(train, first.index));
            const joined = carry(primitives, inputs, true);
            const packets = carry(
              primitives,
              joined.map((piece) => inputOf(piece, second.index)),
              false,
            );
            expect(packets.map((piece) => toHex(piece.packet))).toEqual(list.flatMap(packetsOf).map(toHex));
          }),
        ),
        { numRuns: 60, examples: [[[ZERO_CHECKSUM], 0]] },
      );
    });
  }
});
