import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import {
  actionSignedBy,
  confirmationSignedBy,
  type HopBinding,
  hopAuthor,
  openHopOrder,
  openHopRecord,
  recordSignedBy,
  sealHopAction,
  sealHopConfirmation,
  sealHopRecord,
} from '../../src/dprp/hop-box.ts';
import type { HopInfo } from '../../src/dprp/hop-record.ts';
import { identity, key, provider } from './hop-bench.ts';

const [G, I, R] = [identity('G', 'gen', 'cl'), identity('I', 'ges'), identity('R', 'ges')];
const pair = (name: string) => provider.x25519KeyPair(key(name));
const [g, i, r] = [pair('e_G'), pair('e_I'), pair('e_R')];
const binding: HopBinding = { dde: key('DDE'), rgi: key('RGI'), eG: g.publicKey, eI: i.publicKey, eR: r.publicKey };
const agree = (own: typeof g, other: typeof g) => {
  const shared = provider.x25519(own.secretKey, other.publicKey);
  if (shared === null) throw new Error('weak key');
  return shared;
};
const info: HopInfo = {
  type: 'gen',
  mode: 'cl',
  side: 's',
  matchedSlots: 0x0204,
  caps: { lanes: 2, noGms: true, type: 'gen' },
};
const parties = { hop: G.caPart.nodeId, start: I.caPart.nodeId, end: R.caPart.nodeId };
const order = { action: 'relay', lifetime: 300 } as const;
const previous = key('the record before');

describe.each(['value', 'reference'] as const)('hop boxes by %s', (form) => {
  const record = sealHopRecord(provider, agree(g, i), binding, { info, previous }, hopAuthor(G, form));
  const action = sealHopAction(provider, agree(i, g), binding, { order, parties, record }, hopAuthor(I, form));
  const confirmation = sealHopConfirmation(provider, agree(r, g), binding, { order, parties }, hopAuthor(R, form));

  it('are read by the one they are for', () => {
    const read = openHopRecord(provider, agree(i, g), binding, record);
    expect(read).toMatchObject({ info });
    if (typeof read === 'string') return;
    expect(recordSignedBy(provider, G.caPart, binding, read, previous)).toBe(true);
    expect(recordSignedBy(provider, G.caPart, binding, read, null)).toBe(false);
    expect(recordSignedBy(provider, G.caPart, binding, read, key('other'))).toBe(false);
    expect(recordSignedBy(provider, I.caPart, binding, read, previous)).toBe(false);
    for (const field of ['dde', 'rgi', 'eG', 'eI', 'eR'] as const)
      expect(recordSignedBy(provider, G.caPart, { ...binding, [field]: key('x') }, read, previous), field).toBe(false);
  });

  it('carry orders that are bound to the parties, the handshake and the record', () => {
    const toldByI = openHopOrder(provider, agree(g, i), binding, 'action', action);
    const toldByR = openHopOrder(provider, agree(g, r), binding, 'confirmation', confirmation);
    if (typeof toldByI === 'string' || typeof toldByR === 'string') throw new Error('not opened');
    expect([toldByI.order, toldByR.order]).toEqual([order, order]);
    expect(actionSignedBy(provider, I.caPart, binding, toldByI, parties, record)).toBe(true);
    expect(confirmationSignedBy(provider, R.caPart, binding, toldByR, parties)).toBe(true);
    expect(actionSignedBy(provider, I.caPart, binding, toldByI, parties, key('another record'))).toBe(false);
    for (const name of ['hop', 'start', 'end'] as const) {
      const changed = { ...parties, [name]: identity('X', 'ges').caPart.nodeId };
      expect(actionSignedBy(provider, I.caPart, binding, toldByI, changed, record), name).toBe(false);
      expect(confirmationSignedBy(provider, R.caPart, binding, toldByR, changed), name).toBe(false);
    }
    for (const field of ['dde', 'rgi', 'eG'] as const) {
      const changed = { ...binding, [field]: key('x') };
      expect(actionSignedBy(provider, I.caPart, changed, toldByI, parties, record), field).toBe(false);
      expect(confirmationSignedBy(provider, R.caPart, changed, toldByR, parties), field).toBe(false);
    }
  });

  it('H1: are each under a key of their own, so that none passes for another', () => {
    expect(openHopOrder(provider, agree(g, i), binding, 'confirmation', action)).toBe('auth');
    expect(openHopOrder(provider, agree(g, r), binding, 'action', confirmation)).toBe('auth');
    expect(openHopOrder(provider, agree(g, r), binding, 'action', action)).toBe('auth');
    expect(openHopRecord(provider, agree(g, r), binding, record)).toBe('auth');
  });

  it('are not opened when a byte was altered anywhere', () => {
    for (let at = 0; at < record.length; at += 5) {
      const spoilt = record.slice();
      spoilt[at] ^= 0x20;
      expect(openHopRecord(provider, agree(i, g), binding, spoilt), `byte ${at}`).toBeTypeOf('string');
    }
    for (let at = 8; at < action.length; at += 3) {
      const spoilt = action.slice();
      spoilt[at] ^= 0x20;
      expect(openHopOrder(provider, agree(g, i), binding, 'action', spoilt), `byte ${at}`).toBeTypeOf('string');
    }
  });
});

describe('the form of the hop boxes', () => {
  it('is frozen: the same keys give these bytes', () => {
    const record = sealHopRecord(provider, agree(g, i), binding, { info, previous: null }, hopAuthor(G, 'value'));
    const action = sealHopAction(provider, agree(i, g), binding, { order, parties, record }, hopAuthor(I, 'value'));
    const confirmation = sealHopConfirmation(
      provider,
      agree(r, g),
      binding,
      { order, parties },
      hopAuthor(R, 'reference'),
    );
    const fingerprints = [record, action, confirmation].map((bytes) => toHex(provider.sha256(bytes)).slice(0, 16));
    expect(fingerprints).toEqual(['3a182100681aa238', 'b16358ee0190e3b7', 'e83c94991f6dced7']);
  });
});
