import { describe, expect, it } from 'vitest';
import { groupId, keyVersion, nodeId, saIndex } from '../../src/base/brands.ts';
import type { Cid } from '../../src/base/cid.ts';
import { decodeCaps } from '../../src/dprp/caps.ts';
import { decodeCdn, decodeCdnPayload, encodeCdn, encodeCdnPayload } from '../../src/dprp/cdn.ts';
import { decodeControl, encodeControl } from '../../src/dprp/control-record.ts';
import { decodeCookie, encodeCookie } from '../../src/dprp/cookie.ts';
import { decodeDde, encodeDde } from '../../src/dprp/dde.ts';
import { decodeDdeBox, encodeDdeBox } from '../../src/dprp/dde-box.ts';
import type { DprpFault } from '../../src/dprp/fault.ts';
import { plainHeader } from '../../src/dprp/header.ts';
import { decodeHopAction, decodeHopOrder, encodeHopAction, encodeHopOrder } from '../../src/dprp/hop-action.ts';
import { decodeHopInfo, decodeHopRecord, encodeHopInfo, encodeHopRecord } from '../../src/dprp/hop-record.ts';
import { decodeMpit, encodeMpit } from '../../src/dprp/mpit.ts';
import { decodeMpitPayload, encodeMpitPayload } from '../../src/dprp/mpit-payload.ts';
import { decodeNoEntryHop, encodeNoEntryHop } from '../../src/dprp/no-entry-hop.ts';
import { decodeNogroup, decodeNogroupBox, encodeNogroup, encodeNogroupBox } from '../../src/dprp/nogroup.ts';
import { decodeRgi, encodeRgi } from '../../src/dprp/rgi.ts';
import { decodeRgiPayload, encodeRgiPayload } from '../../src/dprp/rgi-payload.ts';
import { decodeStale, decodeStaleBox, encodeStale, encodeStaleBox } from '../../src/dprp/stale.ts';

/** Messages with one byte set to what it may not be, and the fault that names it. */

const z = (length: number) => new Uint8Array(length);
const both = plainHeader(8, 16);
const answer = plainHeader(0, 16);
const cid: Cid = { family: 4, protocol: 6, source: z(16), destination: z(16), sourcePort: 1, destinationPort: 2 };
const caps = { lanes: 1, noGms: false, type: 'ges' } as const;
const group = { group: groupId('00'.repeat(16)), epoch: 0, version: keyVersion(1) };
const roster = { seq: 0, head: z(32) };
const preference = [
  { rank: 0, previous: false },
  { rank: 0, previous: true },
];
const hop = { node: nodeId('00'.repeat(16)), action: 'relay', ephemeral: z(32) } as const;

type Sample = readonly [bytes: Uint8Array, decode: (bytes: Uint8Array) => object | string];
const SAMPLES = {
  dde: [encodeDde({ header: both, ephemeral: z(32), slots: z(128), box: z(96), mac2: z(16) }), decodeDde],
  ddeBox: [encodeDdeBox({ cid, preference, suites: [1, 2], mtu: 1400, caps }), decodeDdeBox],
  rgi: [
    encodeRgi({ header: both, slot: 0, hopCount: 0, ephemeral: z(32), encStatic: z(48), encPayload: z(352) }),
    decodeRgi,
  ],
  rgiPayload: [
    encodeRgiPayload({ cred: z(268), group, suite: 1, mode: 'op', type: 'ges', roster, caps, oldSlot: null }),
    decodeRgiPayload,
  ],
  mpit: [encodeMpit({ header: both, encStatic: z(48), encPayload: z(400), actions: [] }), decodeMpit],
  mpitPayload: [
    encodeMpitPayload({
      cred: z(268),
      cid,
      group,
      suite: 1,
      action: 'encrypt',
      pitId: z(8),
      lifetime: 1,
      roster,
      hops: [hop],
      rekeyProof: null,
    }),
    decodeMpitPayload,
  ],
  cdn: [encodeCdn({ header: both, encPayload: z(64), confirmations: [] }), decodeCdn],
  cdnPayload: [
    encodeCdnPayload({ pitId: z(8), status: 'accepted', action: 'encrypt', lanes: 1, lifetime: 1, mtu: 1400 }),
    decodeCdnPayload,
  ],
  cookie: [encodeCookie({ header: answer, nonce: z(24), box: z(32) }), decodeCookie],
  stale: [encodeStale({ header: answer, slot: 0, nonce: z(12), box: z(36) }), decodeStale],
  staleBox: [encodeStaleBox({ epoch: 0, version: keyVersion(1), rosterSeq: 0, reason: 'old' }), decodeStaleBox],
  nogroup: [encodeNogroup({ header: answer, nonce: z(12), box: z(32) }), decodeNogroup],
  nogroupBox: [encodeNogroupBox({ mode: 'op', type: 'ges' }), decodeNogroupBox],
  noEntryHop: [encodeNoEntryHop(saIndex(9)), decodeNoEntryHop],
  hopRecord: [encodeHopRecord({ ephemeral: z(32), form: 'value', box: z(312) }), decodeHopRecord],
  hopInfo: [encodeHopInfo({ type: 'gen', mode: 'op', side: 's', matchedSlots: 0, caps }), decodeHopInfo],
  hopAction: [encodeHopAction({ hint: z(8), form: 'reference', box: z(104) }), decodeHopAction],
  hopOrder: [encodeHopOrder({ action: 'relay', lifetime: 1 }), decodeHopOrder],
  flowMpit: [
    encodeControl({ kind: 'mpit', pitId: z(8), cid, action: 'encrypt', lifetime: 1, packet: z(0) }),
    decodeControl,
  ],
  flowCdn: [encodeControl({ kind: 'cdn', pitId: z(8), status: 'accepted', lifetime: 1 }), decodeControl],
  noEntry: [encodeControl({ kind: 'no-entry', cid }), decodeControl],
} as const satisfies Record<string, Sample>;

const HEADERS = ['dde', 'rgi', 'mpit', 'cdn', 'cookie', 'stale', 'nogroup', 'noEntryHop'] as const;
const BETWEEN_TWO = ['rgi', 'mpit', 'cdn'] as const;
const STATELESS = ['cookie', 'stale', 'nogroup', 'noEntryHop'] as const;

type Row = readonly [sample: keyof typeof SAMPLES, at: number, value: number, fault: DprpFault];
const ROWS: readonly Row[] = [
  ...HEADERS.flatMap((name): Row[] => [
    [name, 0, 0x10, 'type'],
    [name, 1, 2, 'version'],
    [name, 2, 0x08, 'flags'],
    [name, 3, 5, 'hops'],
  ]),
  ...BETWEEN_TWO.flatMap((name): Row[] => [
    [name, 7, 9, 'index'],
    [name, 7, 0, 'index'],
    [name, 11, 17, 'index'],
    [name, 11, 0, 'index'],
  ]),
  ...STATELESS.flatMap((name): Row[] => [
    [name, 3, 1, 'hops'],
    [name, 7, 8, 'index'],
  ]),
  ['dde', 7, 0, 'index'],
  ['dde', 7, 12, 'index'],
  ['dde', 11, 1, 'index'],
  ['dde', 3, 3, 'length'],
  ['ddeBox', 0, 5, 'cid'],
  ['ddeBox', 2, 1, 'cid'],
  ['ddeBox', 38, 0x08, 'preference'],
  ['ddeBox', 38, 0x80, 'preference'],
  ['ddeBox', 40, 0x00, 'preference'],
  ['ddeBox', 40, 0xfe, 'preference'],
  ['ddeBox', 54, 0, 'suite'],
  ['ddeBox', 54, 2, 'suite'],
  ['ddeBox', 58, 1, 'caps'],
  ['ddeBox', 59, 0x40, 'caps'],
  ['ddeBox', 59, 0x00, 'caps'],
  ['rgi', 12, 16, 'slot'],
  ['rgi', 13, 5, 'hops'],
  ['rgi', 3, 1, 'hops'],
  ['rgiPayload', 293, 2, 'mode'],
  ['rgiPayload', 294, 4, 'node-type'],
  ['rgiPayload', 294, 0, 'node-type'],
  ['rgiPayload', 333, 16, 'slot'],
  ['mpit', 3, 1, 'length'],
  ['mpitPayload', 268, 7, 'cid'],
  ['mpitPayload', 331, 0, 'action'],
  ['mpitPayload', 331, 5, 'action'],
  ['mpitPayload', 380, 5, 'count'],
  ['mpitPayload', 380, 0, 'length'],
  ['mpitPayload', 381, 1, 'length'],
  ['mpitPayload', 381, 2, 'rekey'],
  ['mpitPayload', 384 + 16, 0, 'action'],
  ['mpitPayload', 384 + 17, 1, 'flags'],
  ['cdn', 3, 1, 'length'],
  ['cdnPayload', 8, 3, 'status'],
  ['cdnPayload', 9, 9, 'action'],
  ['cdnPayload', 11, 0, 'lanes'],
  ['cdnPayload', 11, 9, 'lanes'],
  ['stale', 12, 16, 'slot'],
  ['staleBox', 12, 3, 'reason'],
  ['nogroupBox', 0, 2, 'mode'],
  ['nogroupBox', 1, 5, 'node-type'],
  ['nogroupBox', 2, 1, 'reason'],
  ['hopRecord', 33, 0x37, 'length'],
  ['hopRecord', 34, 0, 'form'],
  ['hopRecord', 34, 3, 'form'],
  ['hopRecord', 34, 2, 'length'],
  ['hopInfo', 0, 5, 'node-type'],
  ['hopInfo', 1, 2, 'mode'],
  ['hopInfo', 2, 4, 'side'],
  ['hopInfo', 5, 1, 'flags'],
  ['hopAction', 9, 0, 'length'],
  ['hopAction', 10, 9, 'form'],
  ['hopOrder', 0, 0, 'action'],
  ['hopOrder', 1, 1, 'flags'],
  ['flowMpit', 11, 9, 'cid'],
  ['flowMpit', 49, 5, 'action'],
  ['flowCdn', 11, 9, 'status'],
  ['noEntry', 3, 9, 'cid'],
];

describe('a decoder', () => {
  it.each(Object.entries(SAMPLES))('takes the sample %s as it is', (_, [bytes, decode]) => {
    expect(decode(bytes)).toBeTypeOf('object');
  });

  it.each(ROWS)('W1: of %s with byte %i = %i says %s', (name, at, value, fault) => {
    const [bytes, decode] = SAMPLES[name];
    const spoilt = bytes.slice();
    spoilt[at] = value;
    expect(decode(spoilt)).toBe(fault);
  });

  it('refuses caps with a reserved bit or without a type', () => {
    for (let bit = 6; bit < 16; bit++) expect(decodeCaps(0x10 | (1 << bit))).toBe('caps');
    expect(decodeCaps(0x0f)).toBe('caps');
    expect(decodeCaps(0x1f)).toEqual({ lanes: 8, noGms: true, type: 'ges' });
  });
});
