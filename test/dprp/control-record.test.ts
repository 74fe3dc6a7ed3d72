import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cid } from '../../src/base/cid.ts';
import { type ControlRecord, decodeControl, encodeControl } from '../../src/dprp/control-record.ts';
import { controlRecord } from './arbitrary.ts';

const eight = new Uint8Array(8).fill(0x5a);
const none = new Uint8Array(0);
const cid: Cid = {
  family: 6,
  protocol: 17,
  source: new Uint8Array(16).fill(1),
  destination: new Uint8Array(16).fill(2),
  sourcePort: 40_000,
  destinationPort: 53,
};

/** The table of protocol.md 1.2: first byte and length of each record. */
const RECORDS: readonly { readonly record: ControlRecord; readonly type: number; readonly bytes: number }[] = [
  { record: { kind: 'mpit', pitId: eight, cid, action: 'encrypt', lifetime: 300, packet: none }, type: 3, bytes: 54 },
  { record: { kind: 'cdn', pitId: eight, status: 'accepted', lifetime: 300 }, type: 4, bytes: 16 },
  { record: { kind: 'no-entry', cid }, type: 7, bytes: 41 },
  { record: { kind: 'close-entry', pitId: eight }, type: 8, bytes: 11 },
  { record: { kind: 'path-challenge', token: eight, padding: 0 }, type: 9, bytes: 11 },
  { record: { kind: 'path-response', token: eight }, type: 10, bytes: 11 },
  { record: { kind: 'close-sa' }, type: 11, bytes: 3 },
  { record: { kind: 'signed-remove', entry: eight }, type: 12, bytes: 11 },
];

describe('a control record', () => {
  it.each(RECORDS)('$record.kind starts with $type and has $bytes bytes', ({ record, type, bytes }) => {
    const wire = encodeControl(record);
    expect([wire[0], wire.length]).toEqual([type, bytes]);
    expect(decodeControl(wire)).toEqual(record);
  });

  it.each(RECORDS)('W1: $record.kind is refused when it is cut short or its length field is changed', ({ record }) => {
    const wire = encodeControl(record);
    for (let length = 0; length < wire.length; length++)
      expect(decodeControl(wire.subarray(0, length)), `${length} bytes`).toBeTypeOf('string');
    for (const change of [1, 0x10, 0xff]) {
      const spoilt = wire.slice();
      spoilt[2] ^= change;
      expect(decodeControl(spoilt)).toBe('length');
    }
  });

  it.each(RECORDS)('W1: only MPIT and PATH-CHALLENGE may be followed by something: $record.kind', ({ record }) => {
    const followed = Uint8Array.of(...encodeControl(record), 0);
    const decoded = decodeControl(followed);
    if (record.kind === 'mpit') expect(decoded).toEqual({ ...record, packet: Uint8Array.of(0) });
    else if (record.kind === 'path-challenge') expect(decoded).toEqual({ ...record, padding: 1 });
    else expect(decoded).toBe('length');
  });

  it('W1: a PATH-CHALLENGE is padded with zeros only', () => {
    const wire = encodeControl({ kind: 'path-challenge', token: eight, padding: 100 });
    for (const at of [11, 60, 110]) {
      const spoilt = wire.slice();
      spoilt[at] = 1;
      expect(decodeControl(spoilt)).toBe('pad');
    }
  });

  it('W3: a first byte that names no record is refused, IP packets included', () => {
    const known = new Set(RECORDS.map(({ type }) => type));
    for (let first = 0; first < 256; first++)
      if (!known.has(first)) expect(decodeControl(Uint8Array.of(first, 0, 0)), `${first}`).toBe('unknown-record');
  });

  it('a signed REMOVE has at least one byte and at most 1,100', () => {
    expect(decodeControl(Uint8Array.of(12, 0, 0))).toBe('length');
    expect(decodeControl(encodeControl({ kind: 'signed-remove', entry: new Uint8Array(1100) }))).toBeTypeOf('object');
    expect(decodeControl(encodeControl({ kind: 'signed-remove', entry: new Uint8Array(1101) }))).toBe('length');
  });

  it('W2: never throws, whatever follows a valid first byte', () => {
    const hostile = fc
      .tuple(fc.constantFrom(3, 4, 7, 8, 9, 10, 11, 12), fc.uint8Array({ maxLength: 120 }))
      .map(([first, rest]) => Uint8Array.of(first, ...rest));
    fc.assert(
      fc.property(fc.oneof(hostile, controlRecord.map(encodeControl)), (bytes) => {
        const decoded = decodeControl(bytes);
        if (typeof decoded !== 'string') expect(encodeControl(decoded)).toEqual(bytes);
      }),
    );
  });
});
