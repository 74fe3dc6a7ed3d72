import { describe, expect, it } from 'vitest';
import { saIndex } from '../../src/base/brands.ts';
import { encodeCdn } from '../../src/dprp/cdn.ts';
import { CRED_BYTES, SIZE } from '../../src/dprp/constants.ts';
import { encodeCookie } from '../../src/dprp/cookie.ts';
import { ddeAad, ddeAuthenticated, ddeBytes, decodeDde, encodeDde, raiseHops } from '../../src/dprp/dde.ts';
import { plainHeader } from '../../src/dprp/header.ts';
import { hopActionBytes } from '../../src/dprp/hop-action.ts';
import { formFor, hopRecordBytes } from '../../src/dprp/hop-record.ts';
import { encodeMpit } from '../../src/dprp/mpit.ts';
import { mpitPayloadBytes } from '../../src/dprp/mpit-payload.ts';
import { encodeNoEntryHop } from '../../src/dprp/no-entry-hop.ts';
import { encodeNogroup } from '../../src/dprp/nogroup.ts';
import { appendRecord, decodeRgi, encodeRgi, hasAllRecords, rgiCore } from '../../src/dprp/rgi.ts';
import { encodeStale } from '../../src/dprp/stale.ts';

/** What the messages of one handshake weigh on the link where they are longest (protocol.md 2.2). */
const ROWS = [
  { n: 0, dde: 284, rgi: 448, mpit: 460, cdn: 76, sum: 1_268 },
  { n: 1, dde: 284, rgi: 796, mpit: 810, cdn: 376, sum: 2_266 },
  { n: 2, dde: 284, rgi: 776, mpit: 792, cdn: 308, sum: 2_160 },
  { n: 3, dde: 316, rgi: 940, mpit: 958, cdn: 424, sum: 2_638 },
  { n: 4, dde: 368, rgi: 1_104, mpit: 1_124, cdn: 540, sum: 3_136 },
] as const;

const header = plainHeader(8, 16);
const blank = (length: number) => new Uint8Array(length);

function dde(hops: number): Uint8Array {
  const fields = {
    ephemeral: blank(32).fill(1),
    slots: blank(128).fill(2),
    box: blank(96).fill(3),
    mac2: blank(16).fill(4),
  };
  return encodeDde({ header: { ...header, hops }, ...fields });
}

function rgi(hopCount: number, records: number): Uint8Array {
  const fields = { slot: 3, hopCount, ephemeral: blank(32), encStatic: blank(48), encPayload: blank(352) };
  let bytes = encodeRgi({ header, ...fields });
  for (let i = 0; i < records; i++) bytes = appendRecord(bytes, blank(hopRecordBytes(formFor(hopCount))));
  return bytes;
}

function complete(bytes: Uint8Array): boolean {
  const decoded = decodeRgi(bytes);
  if (typeof decoded === 'string') throw new Error(decoded);
  return hasAllRecords(decoded);
}

function mpit(n: number, rekey: boolean): Uint8Array {
  const actions = Array.from({ length: n }, () => blank(hopActionBytes(formFor(n))));
  return encodeMpit({ header, encStatic: blank(48), encPayload: blank(mpitPayloadBytes(n, rekey) + 16), actions });
}

function cdn(n: number): Uint8Array {
  const confirmations = Array.from({ length: n }, () => blank(hopActionBytes(formFor(n))));
  return encodeCdn({ header, encPayload: blank(64), confirmations });
}

describe('the sizes of a handshake', () => {
  it.each(ROWS)('with $n on-path elements are $dde, $rgi, $mpit and $cdn bytes, $sum in all', (row) => {
    const lengths = [dde(row.n), rgi(row.n, row.n), mpit(row.n, false), cdn(row.n)].map(({ length }) => length);
    expect(lengths).toEqual([row.dde, row.rgi, row.mpit, row.cdn]);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(row.sum);
  });

  it.each(ROWS)('H3: keep RGI within 3 × the DDE that reached R, with $n on-path elements', ({ n }) => {
    expect(rgi(n, n).length).toBeLessThanOrEqual(3 * dde(n).length);
  });

  it('H3: let the links next to I carry up to 3.9 × what I sent, as its DDE has no pad yet there', () => {
    const ratio = (n: number, link: number) => rgi(n, n - link).length / dde(link).length;
    const worst = ROWS.flatMap(({ n }) =>
      Array.from({ length: n + 1 }, (_, link) => ({ n, link, ratio: ratio(n, link) })),
    );
    expect(worst.filter((row) => row.ratio > 3).map(({ n, link }) => [n, link])).toEqual([
      [3, 0],
      [4, 0],
      [4, 1],
    ]);
    expect(Math.max(...worst.map((row) => row.ratio))).toBeCloseTo(3.89, 2);
  });

  it('keep every packet within 1,232 bytes, a rekey with 4 on-path elements included', () => {
    expect(mpit(4, true).length).toBe(1_156);
    expect(mpit(4, true).length).toBeLessThanOrEqual(SIZE.packet);
  });

  it('are all different for MPIT, so that a length names the hops and the rekey', () => {
    const lengths = ROWS.flatMap(({ n }) => [mpit(n, false).length, mpit(n, true).length]);
    expect(new Set(lengths).size).toBe(lengths.length);
  });

  it('of the short answers are 68, 64, 56 and 12 bytes', () => {
    const answer = plainHeader(0, 8);
    expect(encodeCookie({ header: answer, nonce: blank(24), box: blank(32) }).length).toBe(68);
    expect(encodeStale({ header: answer, slot: 'domain', nonce: blank(12), box: blank(36) }).length).toBe(64);
    expect(encodeNogroup({ header: answer, nonce: blank(12), box: blank(32) }).length).toBe(56);
    expect(encodeNoEntryHop(saIndex(9)).length).toBe(12);
  });

  it('of the hop boxes are 348 and 300 bytes by value, 164 and 116 by reference', () => {
    expect([hopRecordBytes('value'), hopRecordBytes('reference')]).toEqual([348, 164]);
    expect([hopActionBytes('value'), hopActionBytes('reference')]).toEqual([300, 116]);
    expect(CRED_BYTES).toBe(268);
  });
});

describe('an on-path element', () => {
  it('H3: raises the hops to 4 at most, growing the pad with the third and the fourth', () => {
    let bytes: Uint8Array | null = dde(0);
    for (const length of [284, 284, 316, 368]) {
      bytes = raiseHops(bytes);
      if (bytes === null) throw new Error('refused too early');
      expect(bytes.length).toBe(length);
      expect(decodeDde(bytes)).toBeTypeOf('object');
    }
    expect(raiseHops(bytes)).toBeNull();
  });

  it('H2: changes nothing that a hash, a MAC or an AAD covers', () => {
    const sent = dde(0);
    const raised = raiseHops(sent);
    const padded = dde(4);
    if (raised === null) throw new Error('refused');
    for (const covered of [ddeAad, ddeAuthenticated]) {
      expect(covered(raised)).toEqual(covered(sent));
      expect(covered(padded)).toEqual(covered(sent));
    }
    expect(ddeAad(sent).length).toBe(172);
    expect(ddeAuthenticated(sent).length).toBe(268);
    expect(rgiCore(rgi(2, 2))).toEqual(rgiCore(rgi(2, 0)));
    expect(ddeBytes(9)).toBe(368);
  });

  it('H2: is missed when it appended nothing', () => {
    expect(complete(rgi(2, 2))).toBe(true);
    expect(complete(rgi(2, 1))).toBe(false);
    expect(complete(rgi(0, 0))).toBe(true);
  });

  it('H2: cannot append more records than R counted', () => {
    expect(decodeRgi(appendRecord(rgi(2, 2), blank(164)))).toBe('hops');
  });
});
