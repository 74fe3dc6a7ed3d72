import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startReceiver, startSending } from '../../bench/tools/seq-udp.ts';
import { Lab } from '../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { peerOf, ReachWorld } from '../netns/nat/reach-world.ts';
import { RelayApart } from '../netns/nat/relay-apart.ts';
import { SERVER } from '../netns/nat/sites.ts';
import { pings } from './two-nodes.ts';
import { Typing } from './typing.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

const ROUNDS = 2;

/** Between two failures: a node takes only so many directions of one peer in a time (protocol.md 6.6). */
const SETTLED_MS = 6_000;
/** Of numbered datagrams, per second. */
const RATE = 200;
/** Bytes of a ping inside. */
const PING = 84;

/** What becomes of a relay. */
interface Failure {
  readonly what: string;
  end(relay: RelayApart): Promise<void> | void;
  bringBack(relay: RelayApart): Promise<void>;
}

const KILLED: Failure = {
  what: 'is killed',
  end: (relay) => relay.kill(),
  bringBack: (relay) => relay.restart(),
};
/** Nobody is told: no end of a connection, no ICMP. */
const VANISHED: Failure = {
  what: 'vanishes with its machine',
  end: (relay) => relay.vanish(),
  bringBack: (relay) => relay.comeBack(),
};

describe('two nodes that only a relay joins, and two relays on machines of their own', () => {
  const lab = new Lab();
  let relays: readonly RelayApart[];
  let a: OverlayNode;
  let b: OverlayNode;

  beforeAll(async () => {
    const world = await ReachWorld.start(lab, undefined, ['--roles', 'as,gms,dc']);
    const { net, served } = world;
    const machines = await Promise.all([11, 12].map((number) => net.site('open', number)));
    const server = `${SERVER.first}:47247`;
    relays = await Promise.all(
      machines.map((site, at) => RelayApart.start(lab, served.admin, `relay${at + 1}`, site, server)),
    );
    const sites = await Promise.all([1, 2].map((number) => net.site('symmetric', number)));
    const [first, second] = await world.join(sites, ['a', 'b']);
    if (!first || !second) throw new Error('two sites make two nodes');
    [a, b] = [first.node, second.node];
  });
  afterAll(() => lab.close());

  /** The one that carries both directions. */
  const inUse = () =>
    until('one relay for both', async () => {
      const ends = [await peerOf(a, b), await peerOf(b, a)].map((peer) => peer?.path.endpoint);
      return relays.find((relay) => ends.every((endpoint) => relay.carries(endpoint)));
    });

  /** When the keys of the pair were made, by version. */
  const keys = async () => {
    const peer = await peerOf(a, b);
    return (peer?.sas ?? []).map(({ version, ageSeconds }) => ({ version, made: Date.now() / 1_000 - ageSeconds }));
  };

  let failures = 0;

  /** Ends the relay in use under both flows; returns how long each was silent, in ms. */
  async function fail(typing: Typing, how: Failure): Promise<readonly [number, number]> {
    if (failures++ > 0) await pause(SETTLED_MS);
    const used = await inUse();
    const receiver = await startReceiver(b.namespace, await b.address());
    const sending = startSending(a.namespace, await b.address(), RATE, 200);
    await pause(500);
    const ended = Date.now();
    await how.end(used);
    await typing.goesOn(ended + 300, 30);
    await until('the other relay', async () => (await inUse()) !== used);
    await pause(1_000);
    await sending.stop();
    const { longestGapMs, distinct } = await receiver.stop();
    // half a second before it, and one after it
    expect(distinct).toBeGreaterThan(RATE);
    const silence = typing.longestGap(ended, Date.now());
    await how.bringBack(used);
    return [longestGapMs, silence];
  }

  it('read the metrics of the relay in use, from another machine', async () => {
    await until('a ping', () => pings(a, b));
    const relay = await inUse();
    const bytes = async () => {
      const text = await relay.metrics(a.namespace);
      expect(text).toMatch(/^gscip_server_relay_links 1$/m);
      expect(text).toMatch(/^gscip_server_relay_channels [1-9]/m);
      return Number(/^gscip_server_relay_bytes_total (\d+)$/m.exec(text)?.[1]);
    };
    const before = await bytes();
    expect(await pings(a, b)).toBe(true);
    await until('the bytes of a ping', async () => (await bytes()) > before + 2 * PING, { everyMs: 300 });
  });

  it.each([KILLED, VANISHED])('go on by the other one when the one in use $what', async (how) => {
    const typing = await Typing.start(a, b);
    const before = await keys();
    for (let round = 0; round < ROUNDS; round++) {
      const [datagrams, tcp] = await fail(typing, how);
      console.log(
        `the relay in use ${how.what}: no datagram for ${Math.round(datagrams)} ms, nothing by TCP for ${tcp} ms`,
      );
    }
    expect(typing.isWhole).toBe(true);
    const after = await keys();
    for (const { version, made } of before)
      expect(after.some((each) => each.version === version && Math.abs(each.made - made) < 1.5)).toBe(true);
    await typing.stop();
  });
});
