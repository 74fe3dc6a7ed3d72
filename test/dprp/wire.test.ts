import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { saIndex } from '../../src/base/brands.ts';
import { decodeCdn, decodeCdnPayload, encodeCdn, encodeCdnPayload } from '../../src/dprp/cdn.ts';
import type { FormName } from '../../src/dprp/constants.ts';
import { decodeControl, encodeControl } from '../../src/dprp/control-record.ts';
import { decodeCookie, encodeCookie } from '../../src/dprp/cookie.ts';
import { decodeDde, encodeDde } from '../../src/dprp/dde.ts';
import { decodeDdeBox, encodeDdeBox } from '../../src/dprp/dde-box.ts';
import {
  decodeHopAction,
  decodeHopActionBox,
  decodeHopOrder,
  encodeHopAction,
  encodeHopActionBox,
  encodeHopOrder,
  type HopActionBox,
} from '../../src/dprp/hop-action.ts';
import {
  decodeHopInfo,
  decodeHopRecord,
  decodeHopRecordBox,
  encodeHopInfo,
  encodeHopRecord,
  encodeHopRecordBox,
  type HopRecordBox,
} from '../../src/dprp/hop-record.ts';
import { decodeMpit, encodeMpit } from '../../src/dprp/mpit.ts';
import { decodeMpitPayload, encodeMpitPayload } from '../../src/dprp/mpit-payload.ts';
import { decodeNoEntryHop, encodeNoEntryHop } from '../../src/dprp/no-entry-hop.ts';
import { decodeNogroup, decodeNogroupBox, encodeNogroup, encodeNogroupBox } from '../../src/dprp/nogroup.ts';
import { appendRecord, decodeRgi, encodeRgi } from '../../src/dprp/rgi.ts';
import { decodeRgiPayload, encodeRgiPayload } from '../../src/dprp/rgi-payload.ts';
import { decodeStale, decodeStaleBox, encodeStale, encodeStaleBox } from '../../src/dprp/stale.ts';
import * as any from './arbitrary.ts';

/** One codec, closed over its message: what it makes, and whether what it reads makes the same bytes again. */
interface Codec {
  readonly name: string;
  /** a message and its bytes */
  readonly made: fc.Arbitrary<{ readonly message: object; readonly wire: Uint8Array }>;
  readonly decode: (bytes: Uint8Array) => object | string;
  /** encodes what `decode` gave */
  readonly again: (bytes: Uint8Array) => Uint8Array | string;
  /** [from, to) of pads and reserved flags that are zero whatever the message says */
  readonly zeros: readonly (readonly [number, number])[];
}

function codec<T extends object>(
  name: string,
  messages: fc.Arbitrary<T>,
  encode: (message: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T | string,
  zeros: readonly (readonly [number, number])[],
): Codec {
  return {
    name,
    made: messages.map((message) => ({ message, wire: encode(message) })),
    decode,
    again: (bytes) => {
      const message = decode(bytes);
      return typeof message === 'string' ? message : encode(message);
    },
    zeros,
  };
}

const dde = (hops: number) =>
  fc.record({
    header: any.header(hops).chain((h) => fc.integer({ min: 0, max: 7 }).map((flags) => ({ ...h, flags }))),
    ephemeral: any.bytes(32),
    slots: any.bytes(128),
    box: any.bytes(96),
    mac2: any.bytes(16),
  });

const record = (form: FormName) =>
  fc.record({
    ephemeral: any.bytes(32),
    form: fc.constant(form),
    box: any.bytes(form === 'value' ? 312 : 128),
  });

const rgi = (hops: number) =>
  fc.record({
    header: any.header(hops),
    slot: fc.integer({ min: 0, max: 15 }),
    hopCount: fc.constant(hops),
    ephemeral: any.bytes(32),
    encStatic: any.bytes(48),
    encPayload: any.bytes(352),
    records: fc.array(any.bytes(hops === 1 ? 348 : 164), { minLength: hops, maxLength: hops }),
  });

const boxes = (hops: number) => fc.array(any.bytes(hops === 1 ? 300 : 116), { minLength: hops, maxLength: hops });

const mpit = (hops: number, rekey: boolean) =>
  fc.record({
    header: any.header(hops),
    encStatic: any.bytes(48),
    encPayload: any.bytes(400 + 50 * hops + (rekey ? 32 : 0)),
    actions: boxes(hops),
  });

const cdn = (hops: number) =>
  fc.record({ header: any.header(hops), encPayload: any.bytes(64), confirmations: boxes(hops) });

const action = (form: FormName) =>
  fc.record({ hint: any.bytes(8), form: fc.constant(form), box: any.bytes(form === 'value' ? 288 : 104) });

const recordBox = (form: FormName): fc.Arbitrary<HopRecordBox> =>
  fc
    .record({ info: any.hopInfo, signer: any.signer(form), signature: any.bytes(64) })
    .map((box) => ({ ...box, infoBytes: encodeHopInfo(box.info) }));

const actionBox = (form: FormName): fc.Arbitrary<HopActionBox> =>
  fc
    .record({ order: any.hopOrder, signer: any.signer(form), signature: any.bytes(64) })
    .map((box) => ({ ...box, orderBytes: encodeHopOrder(box.order) }));

const FORMS = ['value', 'reference'] as const;
const HOPS = [0, 1, 2, 3, 4];

const RGI_RESERVED = [
  [2, 3],
  [14, 16],
] as const;

const CODECS: readonly Codec[] = [
  ...HOPS.map((n) => codec(`DDE, ${n} hops`, dde(n), encodeDde, decodeDde, [[284, [284, 284, 284, 316, 368][n]]])),
  codec('box of DDE', any.ddeBox, encodeDdeBox, decodeDdeBox, [[60, 80]]),
  ...HOPS.map((n) =>
    codec(
      `RGI, ${n} hops`,
      rgi(n),
      (message) =>
        message.records.reduce(appendRecord, encodeRgi({ ...message, header: { ...message.header, hops: 0 } })),
      decodeRgi,
      RGI_RESERVED,
    ),
  ),
  codec('payload of RGI', any.rgiPayload, encodeRgiPayload, decodeRgiPayload, [[334, 336]]),
  ...HOPS.flatMap((n) =>
    [false, true].map((rekey) =>
      codec(`MPIT, ${n} hops${rekey ? ', rekey' : ''}`, mpit(n, rekey), encodeMpit, decodeMpit, [[2, 3]]),
    ),
  ),
  codec('payload of MPIT', any.mpitPayload, encodeMpitPayload, decodeMpitPayload, [[382, 384]]),
  ...HOPS.map((n) => codec(`CDN, ${n} hops`, cdn(n), encodeCdn, decodeCdn, [[2, 3]])),
  codec('payload of CDN', any.cdnPayload, encodeCdnPayload, decodeCdnPayload, [
    [10, 11],
    [18, 48],
  ]),
  codec(
    'COOKIE',
    fc.record({ header: any.answerHeader, nonce: any.bytes(24), box: any.bytes(32) }),
    encodeCookie,
    decodeCookie,
    [[2, 8]],
  ),
  codec(
    'STALE',
    fc.record({
      header: any.answerHeader,
      slot: fc.oneof(fc.integer({ min: 0, max: 15 }), fc.constant('domain' as const)),
      nonce: any.bytes(12),
      box: any.bytes(36),
    }),
    encodeStale,
    decodeStale,
    [
      [2, 8],
      [13, 16],
    ],
  ),
  codec('box of STALE', any.staleBox, encodeStaleBox, decodeStaleBox, [[13, 20]]),
  codec(
    'NOGROUP',
    fc.record({ header: any.answerHeader, nonce: any.bytes(12), box: any.bytes(32) }),
    encodeNogroup,
    decodeNogroup,
    [[2, 8]],
  ),
  codec('box of NOGROUP', any.nogroupBox, encodeNogroupBox, decodeNogroupBox, [[2, 16]]),
  codec(
    'NOENTRY-HOP',
    fc.record({ unknown: any.u32.map(saIndex) }),
    ({ unknown }) => encodeNoEntryHop(unknown),
    decodeNoEntryHop,
    [[2, 8]],
  ),
  ...FORMS.flatMap((form) => [
    codec(`hop record by ${form}`, record(form), encodeHopRecord, decodeHopRecord, [[35, 36]]),
    codec(
      `box of hop record by ${form}`,
      recordBox(form),
      (box) => encodeHopRecordBox(box.infoBytes, box.signer, box.signature),
      (bytes) => decodeHopRecordBox(bytes, form),
      [
        [5, 6],
        [8, 32],
      ],
    ),
    codec(`hop action by ${form}`, action(form), encodeHopAction, decodeHopAction, [[11, 12]]),
    codec(
      `box of hop action by ${form}`,
      actionBox(form),
      (box) => encodeHopActionBox(box.orderBytes, box.signer, box.signature),
      (bytes) => decodeHopActionBox(bytes, form),
      [[1, 4]],
    ),
  ]),
  codec('info of a hop', any.hopInfo, encodeHopInfo, decodeHopInfo, [
    [5, 6],
    [8, 32],
  ]),
  codec('order of a hop', any.hopOrder, encodeHopOrder, decodeHopOrder, [[1, 4]]),
  codec('control record', any.controlRecord, encodeControl, decodeControl, []),
];

describe.each(CODECS)('$name', ({ made, decode, again, zeros }) => {
  it('decodes what it encoded', () => {
    fc.assert(
      fc.property(made, ({ message, wire }) => {
        expect(decode(wire)).toEqual(message);
      }),
      { numRuns: 40 },
    );
  });

  it('W1: refuses a non-zero byte in every pad and reserved flag', () => {
    fc.assert(
      fc.property(made, fc.integer({ min: 1, max: 255 }), ({ wire }, value) => {
        for (const [from, to] of zeros)
          for (let at = from; at < to; at++) {
            const spoilt = wire.slice();
            spoilt[at] = value;
            expect(decode(spoilt), `byte ${at}`).toBeTypeOf('string');
          }
      }),
      { numRuns: 8 },
    );
  });

  it('W2: never throws on any bytes, and reads no two byte strings as one message', () => {
    const mutated = fc
      .tuple(made, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }), fc.nat(20))
      .map(([{ wire }, changes, cut]) => {
        const bytes = wire.slice(0, Math.max(0, wire.length - (cut > 16 ? cut - 16 : 0)));
        for (const [at, mask] of changes) if (bytes.length > 0) bytes[at % Math.min(bytes.length, 400)] ^= mask;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 1300 })), (bytes) => {
        const result = again(bytes);
        if (typeof result !== 'string') expect(result).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });
});

/** A control record may be followed by more: see control-record.test.ts. */
const FIXED = CODECS.filter(({ name }) => name !== 'control record');

describe.each(FIXED)('$name', ({ name, made, decode }) => {
  it('W1: refuses every length but its own', () => {
    // an outer MPIT has two lengths for each number of hops, and only its authenticated payload says which is right
    const sibling = name.startsWith('MPIT') ? (name.endsWith('rekey') ? -32 : 32) : 0;
    fc.assert(
      fc.property(made, ({ wire }) => {
        const longer = Uint8Array.of(...wire, ...new Uint8Array(400));
        for (let length = 0; length < longer.length; length++)
          if (length !== wire.length && length !== wire.length + sibling)
            expect(decode(longer.subarray(0, length)), `${length} bytes`).toBeTypeOf('string');
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });
});
