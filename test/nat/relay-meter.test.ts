import { describe, expect, it } from 'vitest';
import { millis, nodeId } from '../../src/base/brands.ts';
import { type PathAddress, pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { decodeBinding, encodeBindAck, encodeBindChallenge } from '../../src/nat/bind.ts';
import { type MeterEffect, RelayMeter } from '../../src/nat/relay-meter.ts';
import type { RelayPlace } from '../../src/nat/signal-message.ts';
import { ok } from '../crypto/fixtures.ts';

const self = nodeId('a'.repeat(32));
const place = (mark: number): RelayPlace => ({
  address: pathAddress(`198.51.100.${mark}:47249`),
  key: new Uint8Array(32).fill(mark),
});

/** A meter, the network around it, and the time that passes while relays answer. */
class Ground {
  readonly meter: RelayMeter;
  /** how far each relay is; undefined: it does not answer */
  readonly away = new Map<PathAddress, number | undefined>();
  now = 0;
  news = 0;
  sent = 0;
  readonly counters: string[] = [];
  #seq = 0;
  #calls = 0;
  #waiting: { readonly at: number; readonly bytes: Uint8Array; readonly from: PathAddress }[] = [];

  constructor() {
    const random = (length: number) => new Uint8Array(length).fill(++this.#calls);
    this.meter = new RelayMeter({ provider, random, self, nextSeq: () => ++this.#seq });
  }

  carry(effects: readonly MeterEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'measured') this.news++;
      if (effect.kind === 'counter') this.counters.push(effect.name);
      if (effect.kind !== 'send') continue;
      this.sent++;
      const rtt = this.away.get(effect.to);
      if (rtt !== undefined) this.answer(effect.bytes, effect.to, rtt);
    }
  }

  answer(question: Uint8Array, from: PathAddress, after: number, key = Number(/\.(\d+):/.exec(from)?.[1])): void {
    const bind = ok(decodeBinding(question));
    if (bind.kind !== 'bind') throw new Error(bind.kind);
    const { channel, seq, nonce } = bind;
    const ack = { kind: 'bind-ack', status: 'unknown-channel', channel, seq, nonce, seen: from } as const;
    const bytes = encodeBindAck(provider, new Uint8Array(32).fill(key), ack);
    this.#waiting.push({ at: this.now + after, bytes, from });
  }

  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.now < end) {
      this.now++;
      const due = this.#waiting.filter(({ at }) => at <= this.now);
      this.#waiting = this.#waiting.filter(({ at }) => at > this.now);
      for (const { bytes, from } of due) this.carry(this.meter.handleDatagram(bytes, from, millis(this.now)));
      this.carry(this.meter.tick(millis(this.now)));
    }
  }

  begin(...marks: readonly number[]): void {
    this.carry(this.meter.setRelays(marks.map(place), millis(this.now)));
  }
}

describe('the distance of relays', () => {
  it('is the shortest of three round trips; who does not answer is said to be out of reach', () => {
    const at = new Ground();
    at.away.set(place(1).address, 30).set(place(2).address, 7);
    at.begin(1, 2, 3);
    expect(at.meter.reached()).toEqual([]);
    at.pass(1_300);
    expect(at.meter.reached()).toEqual([
      { address: place(1).address, rtt: 30 },
      { address: place(2).address, rtt: 7 },
      { address: place(3).address, rtt: undefined },
    ]);
    expect([at.sent, at.news]).toEqual([9, 3]);
  });

  it('is measured again after ten minutes, and is news only when it changed by much', () => {
    const at = new Ground();
    at.away.set(place(1).address, 30);
    at.begin(1);
    at.pass(1_300);
    at.away.set(place(1).address, 33);
    at.pass(601_000);
    expect([at.sent, at.news, at.meter.reached()[0]?.rtt]).toEqual([6, 1, 30]);
    at.away.set(place(1).address, 60);
    at.pass(601_000);
    expect([at.sent, at.news, at.meter.reached()[0]?.rtt]).toEqual([9, 2, 60]);
  });

  it('of a relay that fell silent is none at once, until it answers again', () => {
    const at = new Ground();
    at.away.set(place(1).address, 30);
    at.begin(1);
    at.pass(1_300);
    at.away.set(place(1).address, undefined);
    at.carry(at.meter.handleSilent(place(1).address, millis(at.now)));
    expect([at.news, at.meter.reached()[0]?.rtt]).toEqual([2, undefined]);
    at.pass(15_000);
    at.away.set(place(1).address, 31);
    at.pass(10_000);
    expect([at.news, at.meter.reached()[0]?.rtt]).toEqual([3, 31]);
  });

  it('of one that was silent is taken at once when another one falls silent', () => {
    const at = new Ground();
    for (const number of [1, 2]) at.away.set(place(number).address, 30);
    at.begin(1, 2);
    at.pass(1_300);
    at.away.set(place(1).address, undefined);
    at.carry(at.meter.handleSilent(place(1).address, millis(at.now)));
    at.pass(60_000);
    at.away.set(place(1).address, 31);
    at.carry(at.meter.handleSilent(place(2).address, millis(at.now)));
    at.pass(200);
    expect(at.meter.reached().find(({ address }) => address === place(1).address)?.rtt).toBe(31);
  });

  it('is tried again soon at first, and then less and less often', () => {
    const at = new Ground();
    at.begin(1);
    const sent = [3_500, 3_500, 5_000].map((time) => {
      at.pass(time);
      return at.sent;
    });
    expect(sent).toEqual([6, 9, 12]);
    const before = at.sent;
    at.pass(120_000);
    expect((at.sent - before) / 3).toBeLessThanOrEqual(7);
  });

  it('holds on another network until it was measured there', () => {
    const at = new Ground();
    at.away.set(place(1).address, 30);
    at.begin(1);
    at.pass(1_300);
    at.away.set(place(1).address, 5);
    at.carry(at.meter.handleNetworkChange(millis(at.now)));
    expect(at.meter.reached()[0]?.rtt).toBe(30);
    at.pass(100);
    expect([at.news, at.meter.reached()[0]?.rtt]).toEqual([2, 5]);
  });

  it('N4: is not what a forger says, nor an answer that comes again or was not asked for', () => {
    const at = new Ground();
    let question: Uint8Array = new Uint8Array(0);
    for (const effect of at.meter.setRelays([place(1)], millis(0))) if (effect.kind === 'send') question = effect.bytes;
    at.answer(question, place(1).address, 1, 9);
    at.answer(question, place(2).address, 2);
    at.answer(question, place(1).address, 40);
    at.answer(question, place(1).address, 41);
    at.pass(60);
    expect(at.counters).toEqual(['bind-forged', 'bind-unasked', 'bind-unasked']);
    at.pass(1_300);
    expect(at.meter.reached()).toEqual([{ address: place(1).address, rtt: 40 }]);
  });

  it('of a relay that is no more is forgotten', () => {
    const at = new Ground();
    at.begin(1);
    at.pass(2_000);
    at.begin();
    expect([at.meter.reached(), at.meter.nextDeadline()]).toEqual([[], undefined]);
  });

  it('is asked once more with the proof where the relay challenges, which channels then use, too', () => {
    const proofs = new Map<PathAddress, Uint8Array>();
    let seq = 0;
    const random = (length: number) => new Uint8Array(length).fill(7);
    const meter = new RelayMeter({ provider, random, self, nextSeq: () => ++seq, proofs });
    const relay = place(1).address;
    meter.setRelays([place(1)], millis(0));
    const challenge = new Uint8Array(16).fill(5);
    const challenged = (number: number) =>
      encodeBindChallenge({ kind: 'bind-challenge', channel: 0, seq: number, challenge });
    expect(meter.handleDatagram(challenged(2), relay, millis(9))).toEqual([{ kind: 'counter', name: 'bind-unasked' }]);
    const [again] = meter.handleDatagram(challenged(1), relay, millis(10));
    expect(again?.kind === 'send' && ok(decodeBinding(again.bytes))).toMatchObject({ channel: 0, seq: 1, challenge });
    expect(proofs.get(relay)).toEqual(challenge);
    expect(meter.handleDatagram(challenged(1), relay, millis(11))).toEqual([{ kind: 'counter', name: 'bind-unasked' }]);
  });
});
