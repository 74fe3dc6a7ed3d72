import { describe, expect, it } from 'vitest';
import { groupId, keyVersion, millis, nodeId, saIndex } from '../../src/base/brands.ts';
import type { SaTerms } from '../../src/pccom/sa.ts';
import { slotOf } from '../../src/pccom/sa.ts';
import { type SaEffect, SaSet } from '../../src/pccom/sa-set.ts';

const PEER = nodeId('11'.repeat(16));
const GROUP = groupId('22'.repeat(16));

function terms(over: Partial<SaTerms> & { local: SaTerms['local'] }): SaTerms {
  return {
    role: 'initiator',
    peer: PEER,
    group: GROUP,
    version: keyVersion(1),
    chain: 0,
    suite: 1,
    lanes: 1,
    remote: saIndex(0x80),
    ...over,
  };
}

const at = (seconds: number) => millis(seconds * 1000);
const set = () => {
  const numbers = new Map<string, number>();
  return new SaSet(
    () => 0.5,
    (...triple) => {
      const key = triple.join();
      if (!numbers.has(key)) numbers.set(key, numbers.size + 1);
      return numbers.get(key) ?? 0;
    },
  );
};
const kinds = (effects: readonly SaEffect[]) =>
  effects.map((effect) => ('cause' in effect ? `${effect.kind}:${effect.cause}` : effect.kind));

/** An SA of the given role that sends from `when` on. */
function sending(sas: SaSet, over: Partial<SaTerms> & { local: SaTerms['local'] }, when = at(0)) {
  const { sa } = sas.addReceive(terms(over), when);
  sas.addSend(sa, when);
  return sa;
}

describe('the set of SAs', () => {
  it('sends nothing before the send keys are in place', () => {
    const sas = set();
    const { sa } = sas.addReceive(terms({ local: saIndex(8) }), at(0));
    expect(sas.sender(sa.owner)).toBeUndefined();
    sas.addSend(sa, at(0));
    expect(sas.sender(sa.owner)).toBe(sa);
  });

  it('S2: a responder with no other young SA sends at once, with one it waits for the first datagram', () => {
    const sas = set();
    const first = sending(sas, { role: 'responder', local: saIndex(8) });
    expect(sas.sender(first.owner)).toBe(first);
    const second = sending(sas, { role: 'responder', local: saIndex(16) }, at(100));
    expect(sas.sender(first.owner)).toBe(first);
    expect(kinds(sas.heard(second, at(101)))).toEqual(['empty:confirm']);
    expect(sas.sender(first.owner)).toBe(second);
  });

  it('S2: a responder whose other SA is 175 s old sends on the new one at once', () => {
    const sas = set();
    sending(sas, { role: 'responder', local: saIndex(8) });
    const second = sending(sas, { role: 'responder', local: saIndex(16) }, at(175));
    expect(sas.sender(second.owner)).toBe(second);
  });

  it('prefers the highest version, then the most recently confirmed', () => {
    const sas = set();
    const newest = sending(sas, { local: saIndex(8), version: keyVersion(3) });
    const older = sending(sas, { local: saIndex(16), version: keyVersion(2) }, at(1));
    expect(sas.sender(older.owner)).toBe(newest);
    const again = sending(sas, { local: saIndex(24), version: keyVersion(3) }, at(2));
    expect(sas.sender(older.owner)).toBe(again);
  });

  const caps = [
    { role: 'initiator', cap: 200 },
    { role: 'responder', cap: 185 },
  ] as const;
  for (const { role, cap } of caps)
    it(`S4: the ${role} stops sending after 175 s and closes after ${cap} s, no earlier`, () => {
      const sas = set();
      const sa = sending(sas, { role, local: saIndex(8) });
      const seen: string[] = [];
      for (let second = 1; second < cap; second += 1) {
        const effects = sas.tick(at(second));
        for (const kind of kinds(effects)) seen.push(`${second} ${kind}`);
        if (second === 174) expect(sas.sender(sa.owner)).toBe(sa);
        if (second === 175) expect(sas.sender(sa.owner)).toBeUndefined();
      }
      expect(seen.filter((line) => !line.includes('confirm'))).toEqual(['175 stop-send']);
      expect(kinds(sas.tick(at(cap)))).toEqual(['close:cap']);
      expect(sas.byIndex(saIndex(8))).toBeUndefined();
      expect(sas.ownerOfSlot[slotOf(saIndex(8))]).toBe(-1);
    });

  it('S4: the initiator stops 175 s after its receive keys, however late CDN brought the send keys', () => {
    const sas = set();
    const { sa } = sas.addReceive(terms({ local: saIndex(8) }), at(0));
    sas.addSend(sa, at(14));
    sas.tick(at(174));
    expect(sas.sender(sa.owner)).toBe(sa);
    expect(kinds(sas.tick(at(175)))).toContain('stop-send');
    expect(sas.sender(sa.owner)).toBeUndefined();
  });

  it('S3: something newer closes nothing; only a fifth SA of the triple does, the oldest that does not send', () => {
    const sas = set();
    const effects: SaEffect[] = [];
    for (let i = 1; i <= 5; i++) {
      const made = sas.addReceive(terms({ local: saIndex(8 * i) }), at(i));
      sas.addSend(made.sa, at(i));
      effects.push(...made.effects);
    }
    expect(effects.map((effect) => [effect.kind, effect.sa.local])).toEqual([['close', saIndex(8)]]);
  });

  it('S3: the SA that sends is never the one that makes room', () => {
    const sas = set();
    const sender = sending(sas, { local: saIndex(8), version: keyVersion(9) });
    for (let i = 2; i <= 5; i++) sending(sas, { local: saIndex(8 * i) }, at(i));
    expect(sas.sender(sender.owner)).toBe(sender);
  });

  it('rekeys a busy SA at 120 s as initiator and at 150 s as responder, an idle one never', () => {
    for (const [role, due] of [
      ['initiator', 120],
      ['responder', 150],
    ] as const) {
      const sas = set();
      const sa = sending(sas, { role, local: saIndex(8) });
      const slot = slotOf(sa.local);
      sas.lastSent[slot] = at(due - 1);
      sas.lastReceived[slot] = at(due - 1);
      expect(kinds(sas.tick(at(due - 1)))).not.toContain('rekey:time');
      expect(kinds(sas.tick(at(due)))).toContain('rekey:time');
      expect(kinds(sas.tick(at(due + 1)))).not.toContain('rekey:time');
      expect(kinds(sas.tick(at(due + 5)))).toContain('rekey:time');
    }
    const idle = set();
    sending(idle, { local: saIndex(8) });
    for (let second = 1; second < 170; second++) expect(kinds(idle.tick(at(second)))).not.toContain('rekey:time');
  });

  it('rekeys at once when a volume limit was met', () => {
    const sas = set();
    const sa = sending(sas, { local: saIndex(8) });
    sas.wantRekey(sa);
    expect(kinds(sas.tick(at(1)))).toContain('rekey:volume');
  });

  it('sends an empty datagram when data came and nothing went for 10 s', () => {
    const sas = set();
    const sa = sending(sas, { role: 'responder', local: saIndex(8) });
    sas.lastReceived[slotOf(sa.local)] = at(2);
    expect(kinds(sas.tick(at(9)))).toEqual([]);
    expect(kinds(sas.tick(at(10)))).toEqual(['empty:keep-alive']);
    expect(kinds(sas.tick(at(11)))).toEqual([]);
  });

  it('answers no keep-alive with a keep-alive, and an SA with nothing else grows old', () => {
    const sas = set();
    const sa = sending(sas, { role: 'responder', local: saIndex(8) });
    for (let second = 1; second < 170; second++) {
      if (second % 10 === 0) sas.lastEmptyReceived[slotOf(sa.local)] = at(second);
      expect(kinds(sas.tick(at(second)))).toEqual([]);
    }
  });

  /** Ticks once a second; the seconds in which an SA asked for a rekey by silence. */
  function silences(sent: (second: number) => boolean, heard: (second: number) => boolean): number[] {
    const sas = set();
    const slot = slotOf(sending(sas, { role: 'responder', local: saIndex(8) }).local);
    const found: number[] = [];
    for (let second = 1; second < 100; second++) {
      if (sent(second)) sas.lastSent[slot] = at(second);
      if (heard(second)) sas.lastEmptyReceived[slot] = at(second);
      if (kinds(sas.tick(at(second))).includes('rekey:silence')) found.push(second);
    }
    return found;
  }

  it('negotiates anew when content went for 15 s and nothing authentic came, and again while that lasts', () => {
    expect(
      silences(
        (second) => second >= 10 && second < 30,
        () => false,
      ),
    ).toEqual([25, 30, 35, 40, 45, 50, 55]);
  });

  it('does so 15 s after a single datagram that nothing answers', () => {
    expect(
      silences(
        (second) => second === 60,
        () => false,
      )[0],
    ).toBe(75);
  });

  it('does not when both were silent for long, nor when a keep-alive comes every 10 s', () => {
    expect(
      silences(
        (second) => second === 60,
        (second) => second === 61,
      ),
    ).toEqual([]);
    expect(
      silences(
        () => true,
        (second) => second % 10 === 0,
      ),
    ).toEqual([]);
  });

  it('repeats the confirm of an initiator at 0.25, 1 and 4 s until something authentic comes', () => {
    const sas = set();
    const sa = sending(sas, { local: saIndex(8) });
    const times: number[] = [];
    for (let ms = 0; ms < 20_000; ms += 50) if (sas.tick(millis(ms)).length > 0) times.push(ms);
    expect(times).toEqual([250, 1250, 5250]);
    const answered = set();
    const other = sending(answered, { local: saIndex(8) });
    answered.heard(other, millis(100));
    for (let ms = 0; ms < 20_000; ms += 50) expect(answered.tick(millis(ms))).toEqual([]);
    expect(sa.heardAt).toBeUndefined();
  });

  it('caps older versions at a minute after a removal and leaves the newest alone', () => {
    const sas = set();
    sending(sas, { local: saIndex(8), version: keyVersion(1) });
    const newest = sending(sas, { local: saIndex(16), version: keyVersion(2) });
    sas.capOlderVersions(GROUP, 2, at(10));
    expect(kinds(sas.tick(at(69)))).not.toContain('close:cap');
    expect(kinds(sas.tick(at(70)))).toContain('close:cap');
    expect(sas.byIndex(saIndex(16))).toBe(newest);
  });

  it('R4: closes every SA with a removed member in one step', () => {
    const sas = set();
    sending(sas, { local: saIndex(8) });
    sending(sas, { local: saIndex(16), peer: nodeId('33'.repeat(16)) });
    const effects = sas.closeWhere((sa) => sa.peer === PEER && sa.group === GROUP, 'removed');
    expect(kinds(effects)).toEqual(['close:removed']);
    expect([...sas.sas()].map((sa) => sa.local)).toEqual([saIndex(16)]);
  });

  it('knows its sender by an index of any size', () => {
    const sas = set();
    const sa = sending(sas, { local: saIndex(0xfff80008) });
    expect(sas.isSender(sa)).toBe(true);
    sas.lastReceived[slotOf(sa.local)] = at(2);
    expect(kinds(sas.tick(at(12)))).toContain('empty:keep-alive');
  });

  it('finds an SA by the index of any lane and by no other generation of the slot', () => {
    const sas = set();
    const sa = sending(sas, { local: saIndex(0x00180048), lanes: 8 });
    expect(sas.byIndex(saIndex(0x0018004f))).toBe(sa);
    expect(sas.byIndex(saIndex(0x00200048))).toBeUndefined();
  });
});
