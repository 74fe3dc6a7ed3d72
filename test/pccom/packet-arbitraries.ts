import fc from 'fast-check';
import { type InnerPacket, payloadOf, TCP } from './inner-packet.ts';

/** Packets of one flow that follow each other, as a sender's stack would make them: as one super-packet or one by one. */
export interface Train {
  readonly fields: Partial<InnerPacket>;
  readonly size: number;
  readonly count: number;
  /** payload bytes of the last packet */
  readonly last: number;
  readonly asSuper: boolean;
}

const tcpOptions = fc.constantFrom(0, 4, 12, 40).map((length) => new Uint8Array(length).fill(1));
const flags = fc.constantFrom(TCP.ack, TCP.ack, TCP.ack | TCP.psh, TCP.ack | TCP.fin | TCP.cwr, TCP.syn, 0xff);
const extra = fc.constantFrom(
  { extra: new Uint8Array(0) },
  { extra: new Uint8Array(0) },
  { extra: Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0), firstExtension: 60 },
);

const common = {
  protocol: fc.constantFrom('tcp' as const, 'tcp' as const, 'udp' as const),
  source: fc.integer({ min: 1, max: 3 }),
  destination: fc.integer({ min: 1, max: 3 }),
  destinationPort: fc.constantFrom(80, 443),
  ttl: fc.constantFrom(64, 64, 64, 3),
  tos: fc.constantFrom(0, 0, 0, 0xb8),
  id: fc.integer({ min: 0, max: 0xffff }),
  sequence: fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constant(0xffff_ff00)),
  window: fc.constantFrom(500, 500, 0),
  flags,
  tcpOptions,
  checksum: fc.constantFrom('full' as const, 'full' as const, 'partial' as const),
};

/** Fields of packets that pass every check. */
export const soundFields: fc.Arbitrary<Partial<InnerPacket>> = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.record(common), extra)
  .map(([version, fields, extensions]) => ({
    ...fields,
    version,
    ...(version === 6 && fields.protocol === 'udp' ? {} : version === 6 ? extensions : {}),
  }));

/** Trains whose packets differ from every other train's by their source port, so that joining never crosses a train. */
export const trains: fc.Arbitrary<Train[]> = fc
  .array(
    fc.record({
      fields: soundFields,
      size: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 250, max: 1_400 })),
      count: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 140 })),
      last: fc.nat(),
      asSuper: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) => list.map(settle));

function settle(train: Train, number: number): Train {
  const count = Math.min(train.count, Math.floor(60_000 / train.size));
  return {
    ...train,
    count,
    last: 1 + (train.last % train.size),
    fields: { ...train.fields, sourcePort: 10_000 + number },
  };
}

/** The train's payload as one piece. */
export function trainPayload(train: Train): Uint8Array {
  return payloadOf((train.count - 1) * train.size + train.last, train.size);
}

/** The train's packets, each by its own fields. */
export function trainPackets(train: Train): Partial<InnerPacket>[] {
  const payload = trainPayload(train);
  const { id = 0, sequence = 0 } = train.fields;
  return Array.from({ length: train.count }, (_, i) => ({
    ...train.fields,
    id: (id + i) & 0xffff,
    sequence: (sequence + i * train.size) >>> 0,
    payload: payload.subarray(i * train.size, (i + 1) * train.size),
  }));
}

/** A change of one byte, counted from the start or from the end. */
export interface Edit {
  readonly at: number;
  readonly xor: number;
}
export const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    at: fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: -20, max: -1 })),
    xor: fc.integer({ min: 1, max: 255 }),
  }),
  { maxLength: 3 },
);

export function edited(bytes: Uint8Array, changes: readonly Edit[]): Uint8Array {
  const out = bytes.slice();
  for (const { at, xor } of changes) {
    const index = at < 0 ? out.length + at : at;
    if (index >= 0 && index < out.length) out[index] ^= xor;
  }
  return out;
}
