import { describe, expect, it } from 'vitest';
import { millis } from '../../../src/base/brands.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../../src/crypto/node-provider.ts';
import { Greeter } from '../../../src/node/reach/greeter.ts';
import { pair } from '../world.ts';

const MINUTE = 60_000;

/** When HELLOs leave to a coordinator that never answers. */
function greetings(until: number): number[] {
  const { a } = pair();
  const { publicKey } = provider.x25519KeyPair(new Uint8Array(32).fill(5));
  let time = 0;
  const greeter = new Greeter(publicKey, () => [pathAddress('198.51.100.1:47247')], {
    provider,
    random: (length) => new Uint8Array(length).fill(7),
    identity: () => a.keys.identity(),
    helloTime: () => ++time,
  });
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
