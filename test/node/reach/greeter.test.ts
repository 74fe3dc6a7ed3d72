import { describe, expect, it } from 'vitest';
import { millis } from '../../../src/base/brands.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../../src/crypto/node-provider.ts';
import { encodeProvedHello, helloIndex } from '../../../src/nat/hello-cookie.ts';
import { Greeter } from '../../../src/node/reach/greeter.ts';
import { REACH } from '../../../src/node/reach/tuning.ts';
import { pair } from '../world.ts';

const MINUTE = 60_000;

const COORDINATOR = pathAddress('198.51.100.1:47247');

function greeterOf(): Greeter {
  const { a } = pair();
  const { publicKey } = provider.x25519KeyPair(new Uint8Array(32).fill(5));
  let time = 0;
  return new Greeter(publicKey, () => [COORDINATOR], {
    provider,
    random: (length) => new Uint8Array(length).fill(7),
    identity: () => a.keys.identity(),
    helloTime: () => ++time,
  });
}

/** When HELLOs leave to a coordinator that never answers. */
function greetings(until: number): number[] {
  const greeter = greeterOf();
  const sent: number[] = [];
  greeter.start(millis(0));
  for (let now = 0; now < until; ) {
    for (const _ of greeter.tick(millis(now))) sent.push(now);
    now = Math.max(now + 1, greeter.nextDeadline() ?? until);
  }
  return sent;
}

describe('a coordinator that is away', () => {
  const sent = greetings(30 * MINUTE);
  const gaps = (from: number, to: number) =>
    sent.flatMap((at, i) => (at >= from && at < to ? [at - (sent[i - 1] ?? at)] : []));

  it('is greeted often enough for some minutes that it is found within two seconds of its return', () => {
    expect(Math.max(...gaps(0, 4 * MINUTE))).toBeLessThan(2_000);
  });

  it('costs little when it stays away', () => {
    expect(gaps(10 * MINUTE, 30 * MINUTE).length).toBeLessThan(3 * 42);
    expect(sent.length).toBeLessThan(800);
  });
});

describe('a coordinator under load', () => {
  const cookie = new Uint8Array(16).fill(3);

  it('is told the same HELLO again with its cookie, at once and at each repeat', () => {
    const greeter = greeterOf();
    greeter.start(millis(0));
    const [hello] = greeter.tick(millis(0));
    const index = helloIndex(hello?.bytes ?? new Uint8Array(0));
    if (typeof index === 'string' || !hello) throw new Error('no HELLO');
    expect(greeter.owns(index)).toBe(true);
    const proved = { bytes: encodeProvedHello(cookie, hello.bytes), to: COORDINATOR };
    expect(greeter.handleCookie({ index, cookie })).toEqual([proved]);
    expect(greeter.tick(millis(REACH.repeatMs))).toEqual([proved]);
  });

  it('makes it say each HELLO twice, whatever cookies somebody sends', () => {
    const greeter = greeterOf();
    greeter.start(millis(0));
    let said = 0;
    for (let now = 0; now < 600; now += 10) {
      said += greeter.tick(millis(now)).length;
      for (let at = 0; at < 5; at++) said += greeter.handleCookie({ index: 0x07070707, cookie }).length;
    }
    expect(said).toBe(2 * 2);
    greeter.stop();
    expect(greeter.handleCookie({ index: 0x07070707, cookie })).toEqual([]);
  });
});
