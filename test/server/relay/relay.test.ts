import { describe, expect, it } from 'vitest';
import { millis, type NodeId } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { decodeBinding } from '../../../src/nat/bind.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { EarlyFrames } from '../../../src/server/relay/early-frames.ts';
import { fairLevel } from '../../../src/server/relay/fair-shares.ts';
import {
  BIND_RATE,
  CHALLENGE_MS,
  EARLY_FRAMES,
  EARLY_MS,
  SHARE_MS,
  SILENT_MS,
} from '../../../src/server/relay/relay-limits.ts';
import { describeWalks } from './relay-walks.ts';
import { ANNA, AT_ANNA, AT_BEN, AT_EVE, BEN, EVE, framed, RELAY, RelayWorld } from './relay-world.ts';

const CHANNEL = 0x87654321;

describeWalks('a relay', (walk) => {
  function joined(world = new RelayWorld(walk)) {
    world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
    expect(world.bind(ANNA, CHANNEL, AT_ANNA)).toBe('bound');
    expect(world.bind(BEN, CHANNEL, AT_BEN)).toBe('bound');
    return world;
  }

  describe('a channel', () => {
    it('is bound by the two nodes that the coordinator brought together, and joins them', () => {
      const world = joined();
      expect(world.receive([framed(CHANNEL, 1)], AT_ANNA)).toMatchObject([{ to: AT_BEN }]);
      expect(world.receive([framed(CHANNEL, 2)], AT_BEN)).toEqual([
        { bytes: framed(CHANNEL, 2), segment: framed(CHANNEL, 2).length, to: AT_ANNA },
      ]);
    });

    it.each([
      ['another node', EVE, CHANNEL, 'unknown-channel'],
      ['a channel that nobody allowed', ANNA, 77, 'unknown-channel'],
    ] as const)('is refused to %s', (_, node, channel, cause) => {
      const world = joined();
      expect(world.bind(node, channel, AT_EVE)).toBe(cause);
      expect(world.counters.get('relay-bind-refused-unknown-channel')).toBe(1);
    });

    it('0 is none: whoever asks for it is answered shorter, and nothing is kept or counted', () => {
      const world = new RelayWorld(walk);
      world.receive([world.bindBytes(EVE, 0, 4)], AT_EVE);
      const proof = world.answers()[0]?.bytes.slice(16, 32);
      const question = world.bindBytes(EVE, 0, 5, proof);
      world.receive([question], AT_EVE);
      const [answer] = world.answers();
      expect(decodeBinding(answer?.bytes ?? new Uint8Array(0))).toMatchObject({
        kind: 'bind-ack',
        channel: 0,
        seq: 5,
        seen: AT_EVE,
      });
      expect(answer?.bytes.length).toBeLessThan(question.length);
      expect([world.relay.channels, world.counters.size]).toEqual([0, 0]);
    });

    it('is refused to a node that was removed, and ends for both when one is', () => {
      const world = joined();
      world.removed.add(BEN);
      world.relay.handleRemoved(BEN);
      expect(world.relay.channels).toBe(0);
      expect(world.receive([framed(CHANNEL, 1)], AT_ANNA)).toEqual([]);
      world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
      expect(world.bind(BEN, CHANNEL, AT_BEN)).toBe('refused');
    });

    it('follows a node that binds it from elsewhere, by a later number', () => {
      const world = joined();
      expect(world.bind(ANNA, CHANNEL, AT_EVE)).toBe('bound');
      expect(world.receive([framed(CHANNEL, 2)], AT_BEN)).toMatchObject([{ to: AT_EVE }]);
      expect(world.receive([framed(CHANNEL, 1)], AT_ANNA)).toEqual([]);
    });

    it('keeps nothing before the source is proved, and answers by less than it was asked', () => {
      const world = new RelayWorld(walk);
      world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
      const bind = world.bindBytes(ANNA, CHANNEL, 1);
      world.receive([bind], AT_EVE);
      const [challenge] = world.answers();
      expect(challenge).toMatchObject({ to: AT_EVE });
      expect(challenge?.bytes[0]).toBe(NAT_KIND.bindChallenge);
      expect(challenge?.bytes.length).toBeLessThan(bind.length);
      // the answer to one source is of no use to another
      const proof = challenge?.bytes.slice(16, 32);
      world.receive([world.bindBytes(ANNA, CHANNEL, 1, proof)], AT_ANNA);
      expect(world.answers()[0]?.bytes[0]).toBe(NAT_KIND.bindChallenge);
      world.receive([world.bindBytes(ANNA, CHANNEL, 1, proof)], AT_EVE);
      expect(world.answers()[0]?.bytes[0]).toBe(NAT_KIND.bindAck);
    });

    it('takes the proof of an address for any channel of that node, and of no other', () => {
      const world = new RelayWorld(walk);
      world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
      world.receive([world.bindBytes(ANNA, 0)], AT_ANNA);
      const [challenge] = world.answers();
      expect(challenge?.bytes.length).toBeLessThan(world.bindBytes(ANNA, 0).length);
      const proof = challenge?.bytes.slice(16, 32);
      const kindOf = (node: NodeId, from: PathAddress) => {
        world.receive([world.bindBytes(node, CHANNEL, undefined, proof)], from);
        return world.answers()[0]?.bytes[0];
      };
      expect(kindOf(BEN, AT_ANNA)).toBe(NAT_KIND.bindChallenge);
      expect(kindOf(ANNA, AT_EVE)).toBe(NAT_KIND.bindChallenge);
      expect(kindOf(ANNA, AT_ANNA)).toBe(NAT_KIND.bindAck);
    });

    it('takes a challenge for as long as nodes measure again, and as long again', () => {
      const world = new RelayWorld(walk);
      world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
      world.receive([world.bindBytes(ANNA, CHANNEL, 1)], AT_ANNA);
      const proof = world.answers()[0]?.bytes.slice(16, 32);
      const kindAfter = (time: number) => {
        world.pass(time);
        world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
        world.receive([world.bindBytes(ANNA, CHANNEL, 1, proof)], AT_ANNA);
        return world.answers()[0]?.bytes[0];
      };
      expect(kindAfter(CHALLENGE_MS)).toBe(NAT_KIND.bindAck);
      expect(kindAfter(CHALLENGE_MS)).toBe(NAT_KIND.bindChallenge);
    });

    it('is not moved back by a BIND that comes again', () => {
      const world = new RelayWorld(walk);
      world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
      world.receive([world.bindBytes(ANNA, CHANNEL, 1)], AT_EVE);
      const proof = world.answers()[0]?.bytes.slice(16, 32);
      const old = world.bindBytes(ANNA, CHANNEL, 1, proof);
      world.receive([old], AT_EVE);
      expect(world.answers()[0]?.bytes[2]).toBe(0);
      expect(world.bind(ANNA, CHANNEL, AT_ANNA)).toBe('bound');
      world.receive([old], AT_EVE);
      expect(world.answers()).toEqual([]);
      expect(world.counters.get('relay-bind-old')).toBe(1);
    });

    it('is bound by nobody without the relay key of the node, from a forbidden address, or too often', () => {
      const world = joined();
      const forged = world.bindBytes(ANNA, CHANNEL);
      forged[20] ^= 1;
      world.receive([forged], AT_ANNA);
      expect(world.counters.get('relay-bind-forged')).toBe(1);
      for (const from of ['127.0.0.1:9', '10.0.0.1:9', '224.0.0.1:9', RELAY])
        world.receive([world.bindBytes(ANNA, CHANNEL)], pathAddress(from));
      for (const fault of ['loopback', 'private', 'multicast', 'own-address'])
        expect(world.counters.get(`relay-source-${fault}`)).toBe(1);
      for (let at = 0; at < BIND_RATE.burst + 5; at++) world.receive([world.bindBytes(ANNA, CHANNEL)], AT_EVE);
      expect(world.counters.get('relay-bind-rate')).toBe(5);
    });

    it('is forgotten when neither node was heard of for long; frames keep it', () => {
      const world = joined();
      world.pass(SILENT_MS - 1);
      expect(world.receive([framed(CHANNEL, 1)], AT_ANNA)).toHaveLength(1);
      world.pass(1);
      expect(world.receive([framed(CHANNEL, 1)], AT_ANNA)).toEqual([]);
      expect(world.counters.get('relay-peer-unbound')).toBe(1);
      world.pass(SILENT_MS);
      expect(world.relay.channels).toBe(0);
    });
  });

  describe('a handshake message for an end that is about to bind', () => {
    const [FIRST, SECOND] = [framed(CHANNEL, 1, 40, 0x01), framed(CHANNEL, 2, 40, 0x01)];
    const DATA = framed(CHANNEL, 3);

    /** Ben binds: challenged, then with the proof. What he is sent. */
    function bens(world: RelayWorld, from = AT_BEN): readonly Uint8Array[] {
      world.answers();
      const seq = Math.round(world.now);
      world.receive([world.bindBytes(BEN, CHANNEL, seq)], from);
      const [challenge, ...more] = world.answers();
      expect(more).toEqual([]);
      world.receive([world.bindBytes(BEN, CHANNEL, seq, challenge?.bytes.slice(16, 32))], from);
      const answers = world.answers();
      expect(answers.every(({ to }) => to === from)).toBe(true);
      expect(world.counters.get('relay-early-sent') ?? 0).toBe(answers.length - 1);
      expect(world.receive([SECOND], AT_ANNA)).toMatchObject([{ to: from }]);
      return answers.map(({ bytes }) => bytes);
    }

    /** Anna is bound and has sent; then Ben binds. What he is sent. */
    function early(meanwhile: (world: RelayWorld) => void = () => {}): readonly Uint8Array[] {
      const world = new RelayWorld(walk);
      world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
      expect(world.bind(ANNA, CHANNEL, AT_ANNA)).toBe('bound');
      expect(world.receive([DATA], AT_ANNA)).toEqual([]);
      expect(world.counters.get('relay-early-kept')).toBeUndefined();
      expect(world.receive([FIRST, SECOND], AT_ANNA)).toEqual([]);
      expect(world.receive([SECOND], AT_ANNA)).toEqual([]);
      expect(world.counters.get('relay-early-kept')).toBe(1);
      expect(world.counters.get('relay-peer-unbound')).toBe(4);
      meanwhile(world);
      return bens(world);
    }

    it('is kept, one for each end, and goes on behind BIND-ACK', () => {
      const [ack, frame, ...more] = early();
      expect(ack?.[0]).toBe(0x3e);
      expect(frame).toEqual(FIRST);
      expect(more).toEqual([]);
    });

    it('goes to where the end is bound, and again to where it binds anew after a direction', () => {
      const elsewhere = pathAddress('203.0.113.77:1009');
      for (const [at, count] of [
        [AT_BEN, 1],
        [elsewhere, 2],
      ] as const) {
        const world = joined();
        world.pass(1);
        world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
        expect(world.receive([DATA], AT_ANNA)).toMatchObject([{ to: AT_BEN }]);
        expect(world.receive([FIRST], AT_ANNA)).toMatchObject([{ to: AT_BEN }]);
        expect(bens(world, at)).toHaveLength(count);
      }
    });

    it('is not kept where no direction was given since the end was bound', () => {
      const world = joined();
      expect(world.receive([FIRST], AT_ANNA)).toMatchObject([{ to: AT_BEN }]);
      expect(world.counters.get('relay-early-kept')).toBeUndefined();
    });

    it('is gone after a second', () => {
      expect(early((world) => world.pass(EARLY_MS - 1))).toHaveLength(2);
      expect(early((world) => world.pass(EARLY_MS))).toHaveLength(1);
    });

    it('is gone with its channel, and not for the next one in its place', () => {
      const gone = (world: RelayWorld) => {
        world.relay.handleRemoved(BEN);
        world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
        expect(world.bind(ANNA, CHANNEL, AT_ANNA)).toBe('bound');
      };
      expect(early(gone)).toHaveLength(1);
    });

    it('is kept again when the coordinator brings the two together again', () => {
      const again = (world: RelayWorld) => {
        world.pass(EARLY_MS);
        world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
        expect(world.receive([SECOND], AT_ANNA)).toEqual([]);
      };
      expect(early(again)[1]).toEqual(SECOND);
    });

    it('is one of so many at most', () => {
      const frames = new EarlyFrames();
      for (let end = 0; end < EARLY_FRAMES; end++) expect(frames.keep(end, FIRST, millis(0))).toBe(true);
      expect(frames.keep(EARLY_FRAMES, FIRST, millis(0))).toBe(false);
      expect(frames.keep(EARLY_FRAMES, FIRST, millis(EARLY_MS))).toBe(true);
      expect(frames.take(0, millis(EARLY_MS))).toBeUndefined();
    });
  });

  describe('frames', () => {
    it('N4: move no binding and come from nobody but the two: from elsewhere they are dropped', () => {
      const world = joined();
      expect(world.receive([framed(CHANNEL, 1), framed(CHANNEL, 2)], AT_EVE)).toEqual([]);
      expect(world.receive([framed(CHANNEL, 1)], pathAddress('203.0.113.1:1004'))).toEqual([]);
      expect(world.counters.get('relay-unbound')).toBe(3);
      expect(world.receive([framed(CHANNEL, 2)], AT_BEN)).toMatchObject([{ to: AT_ANNA }]);
    });

    it.each(
      Array.from({ length: 256 }, (_, kind) => [kind, (kind >= 1 && kind <= 7) || kind === 0x10] as const),
    )('N4: a frame that holds kind %i goes on: %s', (kind, goes) => {
      expect(joined().receive([framed(CHANNEL, 1, 40, kind)], AT_ANNA)).toHaveLength(goes ? 1 : 0);
    });

    it('W2: that are short, padded wrongly or of channel 0, and datagrams of other kinds, are dropped without an answer', () => {
      const world = joined();
      const frame = framed(CHANNEL, 1);
      const bad = [
        frame.slice(0, 8),
        frame.slice(0, 3),
        Uint8Array.of(NAT_KIND.bind),
        frame.map((byte, at) => (at === 2 ? 1 : byte)),
        framed(0, 1),
        Uint8Array.of(0x31, 1, 2),
        new Uint8Array(40),
      ];
      for (const bytes of bad) expect(world.receive([bytes], AT_ANNA)).toEqual([]);
      expect(world.answers()).toEqual([]);
      expect(world.receive([], AT_ANNA)).toEqual([]);
    });

    it('of one channel go on as one run; of several, and broken ones between, as runs of each', () => {
      const world = joined();
      world.relay.allow(5, [ANNA, EVE], world.now);
      expect(world.bind(ANNA, 5, AT_ANNA)).toBe('bound');
      expect(world.bind(EVE, 5, AT_EVE)).toBe('bound');
      const one = [framed(CHANNEL, 1), framed(CHANNEL, 2), framed(CHANNEL, 3, 20)];
      expect(world.receive(one, AT_ANNA)).toEqual([{ bytes: concat(...one), segment: 49, to: AT_BEN }]);
      const mixed = [framed(CHANNEL, 1), framed(5, 2), framed(5, 3), framed(0, 4), framed(CHANNEL, 5, 10)];
      expect(world.receive(mixed, AT_ANNA)).toEqual([
        { bytes: framed(CHANNEL, 1), segment: 49, to: AT_BEN },
        { bytes: concat(framed(5, 2), framed(5, 3)), segment: 49, to: AT_EVE },
        { bytes: framed(CHANNEL, 5, 10), segment: 49, to: AT_BEN },
      ]);
      expect(world.counters.get('relay-frame')).toBe(1);
    });

    it('never go back to where they came from', () => {
      const world = new RelayWorld(walk);
      world.relay.allow(CHANNEL, [ANNA, BEN], world.now);
      world.bind(ANNA, CHANNEL, AT_ANNA);
      world.bind(BEN, CHANNEL, AT_ANNA);
      expect(world.receive([framed(CHANNEL, 1)], AT_ANNA)).toEqual([]);
      expect(world.counters.get('relay-to-itself')).toBe(1);
    });
  });

  describe('shares', () => {
    const SIZE = framed(CHANNEL, 1, 991).length;
    function passed(world: RelayWorld, count: number, from = AT_ANNA, channel = CHANNEL): number {
      let bytes = 0;
      for (let at = 0; at < count; at++)
        for (const run of world.receive([framed(channel, 1, 991)], from)) bytes += run.bytes.length;
      return bytes / SIZE;
    }

    it('a node has its quota over all its channels, whatever address it sends from', () => {
      const world = joined(new RelayWorld(walk, { perNode: 100 * SIZE, total: 1e9 }));
      expect(passed(world, 15)).toBe(10);
      expect(world.bind(ANNA, CHANNEL, AT_EVE)).toBe('bound');
      expect(passed(world, 5, AT_EVE)).toBe(0);
      expect(world.counters.get('relay-quota')).toBe(10);
      world.pass(SHARE_MS);
      expect(passed(world, 15, AT_EVE)).toBe(10);
      expect(passed(world, 15, AT_BEN)).toBe(10);
    });

    it('who sends most is cut when not all fits, and who sends little loses nothing', () => {
      const world = joined(new RelayWorld(walk, { perNode: 1e9, total: 300 * SIZE }));
      for (let round = 0; round < 4; round++) {
        world.pass(SHARE_MS);
        const heavy = passed(world, 100);
        const light = passed(world, 8, AT_BEN);
        // the first round cannot know yet that another will send
        if (round > 0) expect([heavy, light]).toEqual([22, 8]);
      }
    });
  });
});

describe('fair shares', () => {
  it.each([
    [[10, 20, 30], 60, Number.POSITIVE_INFINITY],
    [[10, 20, 30], 45, 17.5],
    [[10, 20, 30], 30, 10],
    [[100, 1, 1], 50, 48],
    [[], 5, Number.POSITIVE_INFINITY],
  ])('the level of %j in %i is %d', (offers, capacity, level) => {
    expect(fairLevel(offers, capacity)).toBe(level);
  });
});
