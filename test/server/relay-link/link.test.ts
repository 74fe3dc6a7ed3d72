import { beforeEach, describe, expect, it } from 'vitest';
import { type Millis, millis, type NodeId, nodeId } from '../../../src/base/brands.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../../src/crypto/node-provider.ts';
import { relaySecrets } from '../../../src/crypto/relay-link.ts';
import { addRelay, removeRelay } from '../../../src/server/network/commands/relays.ts';
import type { RelayRow } from '../../../src/server/network/state.ts';
import { RelayDesk } from '../../../src/server/relay-link/relay-desk.ts';
import { type EndEffect, RelayEnd } from '../../../src/server/relay-link/relay-end.ts';
import { type World, world } from '../network/ground.ts';

const AT = pathAddress('198.51.100.7:47249');
const [ANNA, BEN, EVE] = ['a', 'b', 'e'].map((digit) => nodeId(digit.repeat(32)));
const both = (a: NodeId, b: NodeId) => [a, b] as const;

/** A server's desk and the relays that are linked to it, with made-up time. */
class Ground {
  readonly server: World = world();
  desk = this.#newDesk();
  now: Millis = millis(1_000);
  readonly events: string[] = [];
  readonly #relays = new Map<number, Relay>();
  #links = 0;
  #calls = 0;

  random(length: number): Uint8Array {
    return provider.hkdfExpand(new Uint8Array(32), Uint8Array.of(++this.#calls >> 8, this.#calls), length);
  }

  add(name: string): RelayRow {
    return this.server.run((tools, draft) => addRelay(tools, draft, name));
  }

  relay({ id, secret }: Pick<RelayRow, 'id' | 'secret'>): Relay {
    return new Relay(this, id, relaySecrets(provider, secret).link);
  }

  restart(): void {
    for (const [link, relay] of [...this.#relays]) this.cut(link, relay);
    this.desk = this.#newDesk();
  }

  connect(relay: Relay): number {
    const link = ++this.#links;
    this.#relays.set(link, relay);
    this.desk.handleOpened(link, this.now);
    return link;
  }

  cut(link: number, relay: Relay): void {
    this.#relays.delete(link);
    this.desk.handleClosed(link);
    relay.end.handleClosed('cut', this.now);
  }

  /** Carries out what the desk wants until it wants nothing. */
  settle(): void {
    for (let effects = this.desk.takeEffects(); effects.length > 0; effects = this.desk.takeEffects())
      for (const effect of effects) {
        if (effect.kind === 'send') this.#relays.get(effect.link)?.receive(effect.frame);
        else if (effect.kind === 'close') {
          const relay = this.#relays.get(effect.link);
          this.#relays.delete(effect.link);
          this.events.push(`close ${effect.reason}`);
          relay?.end.handleClosed('closed', this.now);
        } else if (effect.kind === 'up' || effect.kind === 'down') this.events.push(`${effect.kind} ${effect.name}`);
      }
  }

  pass(milliseconds: number, ...relays: readonly Relay[]): void {
    for (let left = milliseconds; left > 0; left -= 100) {
      this.now = millis(this.now + 100);
      for (const relay of relays) relay.tick();
      this.desk.tick(this.now);
      this.settle();
      for (const relay of relays) relay.carry();
    }
  }

  #newDesk(): RelayDesk {
    return new RelayDesk({ view: this.server.view, provider, random: (length) => this.random(length) });
  }
}

class Relay {
  readonly #ground: Ground;
  readonly end: RelayEnd;
  readonly orders: Extract<EndEffect, { kind: 'order' }>['order'][] = [];
  readonly said: string[] = [];
  readonly sent: Uint8Array[] = [];
  link = 0;
  isDeaf = false;

  constructor(ground: Ground, id: string, psk: Uint8Array) {
    this.#ground = ground;
    const random = (length: number) => ground.random(length);
    this.end = new RelayEnd({ provider, random, id, psk, release: '1', endpoints: () => [AT] });
  }

  tick(): void {
    this.end.tick(this.#ground.now);
    this.carry();
  }

  receive(frame: Uint8Array): void {
    if (!this.isDeaf) this.end.handleFrame(frame, this.#ground.now);
    this.carry();
  }

  carry(): void {
    for (const effect of this.end.takeEffects())
      switch (effect.kind) {
        case 'connect':
          this.link = this.#ground.connect(this);
          this.end.handleOpened();
          this.carry();
          break;
        case 'send':
          this.sent.push(effect.frame);
          if (!this.isDeaf) this.#ground.desk.handleFrame(this.link, effect.frame, this.#ground.now);
          this.#ground.settle();
          break;
        case 'order':
          this.orders.push(effect.order);
          break;
        case 'disconnect':
          if (!this.isDeaf) this.#ground.desk.handleClosed(this.link);
          break;
        case 'up':
        case 'down':
          this.said.push(effect.kind === 'up' ? 'up' : effect.why);
      }
  }
}

let at: Ground;
beforeEach(() => {
  at = new Ground();
});

describe('a relay that runs apart', () => {
  it('is a site of the coordinator as soon as it said hello, with keys that only it and the server know', () => {
    const row = at.add('paris');
    const relay = at.relay(row);
    at.pass(200, relay);
    expect(at.events).toEqual(['up paris']);
    expect(at.desk.sites).toEqual([
      { name: row.id, endpoints: [AT], secret: relaySecrets(provider, row.secret).nodes },
    ]);
    expect(at.desk.endpointsOf(row.id)).toEqual([AT]);
    expect(relay.orders).toEqual([{ type: 'welcome', name: 'paris' }]);
    expect(relay.said).toEqual(['up']);
  });

  it('is told which two may use a channel and who left, and all of it again when it comes back', () => {
    const row = at.add('paris');
    const relay = at.relay(row);
    at.pass(200, relay);
    relay.orders.length = 0;
    at.desk.allow(row.id, 5, both(ANNA, BEN), at.now);
    at.desk.allow(row.id, 6, both(ANNA, EVE), at.now);
    at.desk.allow('elsewhere', 7, both(ANNA, EVE), at.now);
    at.desk.handleRemoved(EVE);
    at.settle();
    expect(relay.orders).toEqual([
      { type: 'allow', channels: [{ channel: 5, nodes: [ANNA, BEN] }] },
      { type: 'allow', channels: [{ channel: 6, nodes: [ANNA, EVE] }] },
      { type: 'remove', nodes: [EVE] },
    ]);
    at.cut(relay.link, relay);
    relay.orders.length = 0;
    at.desk.allow(row.id, 8, both(BEN, ANNA), at.now);
    at.pass(1_000, relay);
    expect(relay.orders).toEqual([
      { type: 'welcome', name: 'paris' },
      {
        type: 'allow',
        channels: [
          { channel: 5, nodes: [ANNA, BEN] },
          { channel: 8, nodes: [BEN, ANNA] },
        ],
      },
    ]);
  });

  it('is not offered while its link is down, and is as soon as it is back', () => {
    const relay = at.relay(at.add('paris'));
    at.pass(200, relay);
    at.cut(relay.link, relay);
    at.settle();
    expect(at.desk.sites).toEqual([]);
    at.pass(1_000, relay);
    expect(at.desk.sites).toHaveLength(1);
    expect(at.events).toEqual(['up paris', 'down paris', 'up paris']);
  });

  it('and its server both find out within five seconds that the other fell silent', () => {
    const relay = at.relay(at.add('paris'));
    at.pass(200, relay);
    relay.isDeaf = true;
    at.pass(5_200, relay);
    expect(at.events.slice(0, 2)).toEqual(['up paris', 'close silent']);
    expect(at.desk.sites).toEqual([]);
    expect(relay.said.slice(0, 2)).toEqual(['up', 'it fell silent']);
    relay.isDeaf = false;
    at.pass(6_000, relay);
    expect(at.desk.sites).toHaveLength(1);
  });

  it('keeps its link over hours, by a word each second', () => {
    const relay = at.relay(at.add('paris'));
    at.pass(60_000, relay);
    expect([at.events, relay.said]).toEqual([['up paris'], ['up']]);
  });

  it('is none without the secret, and learns nothing', () => {
    const row = at.add('paris');
    const thief = at.relay({ id: row.id, secret: new Uint8Array(32) });
    at.pass(1_000, thief);
    expect(at.desk.sites).toEqual([]);
    expect(thief.orders).toEqual([]);
    expect(new Set(at.events)).toEqual(new Set(['close auth']));
    const stranger = at.relay({ id: '0'.repeat(16), secret: row.secret });
    at.pass(1_000, stranger);
    expect(at.events).toContain('close unknown');
  });

  it('is none by a recording of what another sent', () => {
    const row = at.add('paris');
    const relay = at.relay(row);
    at.pass(200, relay);
    at.cut(relay.link, relay);
    at.settle();
    at.events.length = 0;
    const thief = at.relay({ id: row.id, secret: new Uint8Array(32) });
    const link = at.connect(thief);
    for (const frame of relay.sent) at.desk.handleFrame(link, frame, at.now);
    at.settle();
    expect(at.desk.sites).toEqual([]);
    expect(at.events).toEqual(['close record-auth']);
  });

  it('is one link: a second one of it ends the first', () => {
    const row = at.add('paris');
    const [first, second] = [at.relay(row), at.relay(row)];
    at.pass(200, first);
    second.tick();
    at.settle();
    expect(at.desk.sites).toHaveLength(1);
    expect(at.events).toEqual(['up paris', 'close replaced', 'down paris', 'up paris']);
  });

  it('is one no more when an administrator removes it, and comes in no more', () => {
    const row = at.add('paris');
    const relay = at.relay(row);
    at.pass(200, relay);
    at.desk.allow(row.id, 5, both(ANNA, BEN), at.now);
    at.server.run((_tools, draft) => removeRelay(draft, 'paris'));
    at.desk.handleRelaysChanged();
    at.settle();
    expect(at.desk.sites).toEqual([]);
    at.pass(2_000, relay);
    expect(at.events.slice(0, 3)).toEqual(['up paris', 'close removed', 'down paris']);
    expect(at.events).toContain('close unknown');
  });

  it('is refused a second time under a name, and its name is a plain one', () => {
    at.add('paris');
    expect(() => at.add('paris')).toThrow(expect.objectContaining({ code: 'relay-exists' }));
    expect(() => at.add('Paris!')).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => at.server.run((_tools, draft) => removeRelay(draft, 'pariss'))).toThrow(
      expect.objectContaining({ code: 'unknown-relay', remedy: expect.stringContaining('paris') }),
    );
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['what is no opening', new Uint8Array(60).fill(7)],
    ['a node channel', Uint8Array.of(1, 3, 0, 0)],
  ])('%s is not taken for its opening', (_, frame) => {
    at.add('paris');
    at.desk.handleOpened(9, at.now);
    at.desk.handleFrame(9, frame, at.now);
    expect(at.desk.takeEffects()).toMatchObject([{ kind: 'close', reason: 'frame' }]);
  });
});
