import { describe, expect, it } from 'vitest';
import { pathAddress } from '../../../src/base/path-address.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { decodeHelloCookie, encodeProvedHello } from '../../../src/nat/hello-cookie.ts';
import { HELLO_LOAD, HELLO_RATE, HELLO_RATE_ALL } from '../../../src/server/dc/dc-limits.ts';
import { DcWorld, type Sent } from './dc-world.ts';
import { spoofedHello } from './spoofed-hello.ts';

const FLOOD_PER_SECOND = 2_000;

/** A coordinator that has just had a second of HELLOs from made-up addresses. */
function flooded() {
  const dc = new DcWorld();
  let number = 0;
  const flood = (count = FLOOD_PER_SECOND) => {
    const sent: Sent[] = [];
    for (let at = 0; at < count; at++) sent.push(...dc.send(...spoofedHello(++number)));
    return sent;
  };
  flood();
  const opened = () => dc.counters.get('dc-hello-auth') ?? 0;
  return { dc, flood, opened };
}

function cookieOf(sent: readonly Sent[]): Uint8Array {
  const [answer] = sent;
  const decoded = answer && decodeHelloCookie(answer.bytes);
  if (decoded === undefined || typeof decoded === 'string') throw new Error(`no cookie: ${decoded}`);
  return decoded.cookie;
}

describe('HELLOs from addresses that nobody has', () => {
  it('do not keep a node from registering, which is told a cookie and comes again with it', () => {
    const { dc, flood } = flooded();
    for (let second = 0; second < 30; second++) {
      const anna = dc.node(`anna${second}`);
      flood(FLOOD_PER_SECOND / 2);
      const hello = anna.hello();
      const asked = dc.send(hello, anna.from);
      flood(FLOOD_PER_SECOND / 2);
      const [welcome] = dc.send(encodeProvedHello(cookieOf(asked), hello), anna.from);
      expect(welcome?.bytes[0]).toBe(NAT_KIND.welcome);
      if (welcome) anna.node.welcomed(welcome.bytes);
      anna.register([{ kind: 'reflexive', address: anna.from, seen: false }]);
      dc.pass(1_000);
    }
    expect(dc.coordinator.nodes).toBe(30);
  });

  it('cost no public-key work while there is load, and are answered by less than they are', () => {
    const { dc, flood, opened } = flooded();
    expect(opened()).toBe(HELLO_LOAD);
    for (let second = 0; second < 10; second++) {
      const sent = flood();
      expect(sent).toHaveLength(FLOOD_PER_SECOND);
      for (const { bytes } of sent) expect(bytes.length).toBe(24);
      dc.pass(1_000);
    }
    expect(opened()).toBe(HELLO_LOAD);
  });

  it('are opened again when a whole second was quiet', () => {
    const { dc } = flooded();
    const anna = dc.node('anna');
    dc.pass(1_000);
    expect(dc.send(anna.hello(), anna.from)[0]?.bytes[0]).toBe(NAT_KIND.helloCookie);
    dc.pass(2_000);
    expect(anna.meet()).toBe(true);
  });

  it('that name a node which is there do not use up its share: it is told a cookie, too', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    const [rubbish] = spoofedHello(1);
    for (let at = 0; at < HELLO_RATE.burst - 20; at++) dc.send(rubbish, anna.from);
    dc.pass(1_000);
    for (let at = 0; at < HELLO_RATE.burst - 20; at++) dc.send(rubbish, anna.from);
    const hello = anna.hello();
    const cookie = cookieOf(dc.send(hello, anna.from));
    expect(dc.send(encodeProvedHello(cookie, hello), anna.from)[0]?.bytes[0]).toBe(NAT_KIND.welcome);
  });
});

describe('a cookie', () => {
  /** A node with a cookie of a coordinator under load, which is quiet again. */
  function given() {
    const { dc, opened } = flooded();
    const anna = dc.node('anna');
    const cookie = cookieOf(dc.send(anna.hello(), anna.from));
    const before = opened();
    /** What a HELLO with a cookie is answered by. */
    const answered = (with_: Uint8Array, from = anna.from) => dc.send(encodeProvedHello(with_, anna.hello()), from)[0];
    return { dc, anna, cookie, answered, opened: () => opened() - before };
  }

  it('is taken for one to two minutes', () => {
    const { dc, cookie, answered } = given();
    dc.pass(59_000);
    expect(answered(cookie)?.bytes[0]).toBe(NAT_KIND.welcome);
    dc.pass(62_000);
    expect(answered(cookie)?.bytes[0]).toBe(NAT_KIND.helloCookie);
  });

  it.each<[string, (cookie: Uint8Array) => Uint8Array, string | undefined]>([
    ['that is forged', (cookie) => new Uint8Array(cookie.length), undefined],
    ['with one bit changed', (cookie) => cookie.with(15, (cookie[15] ?? 0) ^ 1), undefined],
    ['of another address', (cookie) => cookie, '203.0.113.252:4000'],
    ['of another port', (cookie) => cookie, '203.0.113.253:4001'],
  ])('%s opens nothing, and is answered by the right one', (_what, change, elsewhere) => {
    const { dc, anna, cookie, answered, opened } = given();
    const from = elsewhere === undefined ? anna.from : pathAddress(elsewhere);
    const answer = answered(change(cookie), from);
    expect([answer?.bytes.length, answer?.bytes[0]]).toEqual([24, NAT_KIND.helloCookie]);
    expect(dc.counters.get('dc-cookie-wrong')).toBe(1);
    expect(opened()).toBe(0);
    expect(answer && answered(cookieOf([answer]), from)?.bytes[0]).toBe(NAT_KIND.welcome);
  });

  it('shows an address, not a node: a recorded HELLO stays worthless elsewhere', () => {
    const { dc, anna, cookie, answered } = given();
    expect(answered(cookie)?.bytes[0]).toBe(NAT_KIND.welcome);
    const recorded = anna.hello();
    dc.send(encodeProvedHello(cookie, recorded), anna.from);
    const thief = pathAddress('203.0.113.254:5000');
    const own = cookieOf(dc.send(encodeProvedHello(cookie, recorded), thief));
    expect(dc.send(encodeProvedHello(own, recorded), thief)).toEqual([]);
    expect(dc.counters.get('dc-hello-repeated')).toBe(1);
  });

  it('has its address limited, an IPv6 one with its whole /64', () => {
    const { dc, anna } = given();
    for (let at = 0; at < HELLO_RATE.burst + 10; at++) {
      const from = pathAddress(`[2001:db8:5:6::${(at + 1).toString(16)}]:4000`);
      const [hello] = spoofedHello(at);
      dc.send(encodeProvedHello(cookieOf(dc.send(encodeProvedHello(new Uint8Array(16), hello), from)), hello), from);
    }
    expect(dc.counters.get('dc-hello-source-rate')).toBe(10);
    expect(HELLO_RATE.burst).toBeLessThan(HELLO_RATE_ALL.burst);
    expect(anna.row.name).toBe('anna');
  });

  it('W2: of any other length, kind, version or padding is not answered', () => {
    const { dc, anna, cookie } = given();
    const good = encodeProvedHello(cookie, anna.hello());
    const bad = [
      good.subarray(0, good.length - 1),
      Uint8Array.from([...good, 0]),
      good.with(1, 2),
      good.with(2, 1),
      good.with(3, 1),
      good.with(20, NAT_KIND.signal),
      good.with(21, 2),
      good.with(22, 1),
    ];
    for (const bytes of bad) expect(dc.send(bytes, anna.from)).toEqual([]);
    for (let length = 0; length < good.length; length++)
      expect(dc.send(good.subarray(0, length), anna.from)).toEqual([]);
  });
});
