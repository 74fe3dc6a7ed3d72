import { describe, expect, it } from 'vitest';
import { millis, nodeId } from '../../src/base/brands.ts';
import { parseAddress } from '../../src/base/ip-address.ts';
import { type PathAddress, pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import type { Candidate } from '../../src/nat/candidate.ts';
import {
  CANDIDATES_MAX,
  INNER_MTU_FLOOR,
  NAT_SIZE,
  OLD_PATH_RTTS,
  OLD_PATH_SILENT_MS,
  OVERHEAD,
  PROBES_PER_SECOND,
  SILENT_DATAGRAMS,
  TEMP_KEY_MS,
  UNPROVED_FACTOR,
  UNSEEN_PUBLIC_MAX,
} from '../../src/nat/constants.ts';
import { UNKNOWN_NAT } from '../../src/nat/nat-kind.ts';
import type { OwnPlace } from '../../src/nat/outer-address.ts';
import { PathAgents } from '../../src/nat/path-agents.ts';
import type { PathEffect } from '../../src/nat/path-effects.ts';
import { ProbeLimiter } from '../../src/nat/probe-limiter.ts';
import type { RouteDirection } from '../../src/nat/signal-message.ts';
import { ATTEMPT_DATAGRAMS } from '../../src/nat/tuning.ts';
import { decodeTunnelProbe, encodeTunnelProbe } from '../../src/nat/tunnel-probe.ts';

const SELF = nodeId('1'.repeat(32));
const PEER = nodeId('2'.repeat(32));
const PLACE: OwnPlace = {
  interfaces: [{ address: parseAddress('192.168.1.10') ?? new Uint8Array(4), length: 24 }],
  overlay: [{ address: Uint8Array.of(100, 64, 0, 0), length: 10 }],
  outer: [],
};
const THERE = pathAddress('198.51.100.7:47247');

let drawn = 0;
const random = (length: number) => {
  const out = new Uint8Array(length);
  new DataView(out.buffer).setUint32(0, ++drawn);
  return out;
};

function agents(): PathAgents {
  const own = { place: PLACE, nat: UNKNOWN_NAT, udpBlocked: false, keepAlive: 25_000 };
  return new PathAgents({ provider, random, self: SELF }, () => own);
}

function direction(candidates: readonly Candidate[], over: Partial<RouteDirection> = {}): RouteDirection {
  return {
    type: 'route-direction',
    request: 1,
    pathId: new Uint8Array(8).fill(9),
    role: 'asker',
    peer: PEER,
    tempKey: new Uint8Array(32).fill(5),
    nat: UNKNOWN_NAT,
    relay: undefined,
    candidates,
    ...over,
  };
}

const reflexive = (path: string): Candidate => ({ kind: 'reflexive', address: pathAddress(path), seen: true });

function request(destination: PathAddress, txid: number, key: Partial<Parameters<typeof encodeTunnelProbe>[1]> = {}) {
  return encodeTunnelProbe(
    provider,
    { tempKey: new Uint8Array(32).fill(5), sender: PEER, receiver: SELF, ...key },
    {
      kind: 'request',
      pathId: new Uint8Array(8).fill(9),
      txid: new Uint8Array(12).fill(txid),
      destination,
      seen: undefined,
    },
  );
}

const sends = (effects: readonly PathEffect[]) => effects.filter((effect) => effect.kind === 'send');
const counters = (effects: readonly PathEffect[]) =>
  effects.flatMap((each) => (each.kind === 'counter' ? [each.name] : []));

/** Everything that leaves in `duration` ms after the direction. */
function probes(candidates: readonly Candidate[], duration = 10_000, made = agents()) {
  const sent: { at: number; to: PathAddress }[] = [];
  let effects = made.handleDirection(direction(candidates), millis(0));
  for (let now = 0; now <= duration; now += 5) {
    for (const { to } of sends(effects)) sent.push({ at: now, to });
    effects = made.tick(millis(now + 5));
  }
  return sent;
}

describe('the constants', () => {
  it('are those of the table of constants', () => {
    expect([TEMP_KEY_MS, SILENT_DATAGRAMS, CANDIDATES_MAX, UNSEEN_PUBLIC_MAX, PROBES_PER_SECOND]).toEqual([
      30_000, 5, 8, 2, 20,
    ]);
    expect([UNPROVED_FACTOR, OLD_PATH_SILENT_MS, OLD_PATH_RTTS, INNER_MTU_FLOOR, NAT_SIZE.frame]).toEqual([
      3, 1_000, 3, 1_280, 8,
    ]);
    expect(OVERHEAD).toEqual({ 4: 60, 6: 80, frame: 8 });
  });
});

describe('probes to a peer that never answers', () => {
  const eight = Array.from({ length: 8 }, (_, at) => reflexive(`198.51.100.${at + 1}:47247`));

  it('N2: are five at most to each address, thirty in all', () => {
    const sent = probes(eight);
    expect(sent.length).toBe(ATTEMPT_DATAGRAMS);
    for (const { address } of eight) expect(sent.filter(({ to }) => to === address).length).toBeLessThanOrEqual(5);
    expect(probes([eight[0]]).length).toBe(5);
  });

  it('leave one at a time, ten milliseconds apart', () => {
    const times = probes(eight).map(({ at }) => at);
    for (let at = 1; at < times.length; at++) expect(times[at] - times[at - 1]).toBeGreaterThanOrEqual(10);
  });

  it('N2: are no more when the coordinator gives the same addresses again and again', () => {
    const made = agents();
    let sent = 0;
    for (let now = 0; now < 29_000; now += 5) {
      if (now % 250 === 0) {
        const again = direction([reflexive('198.51.100.7:47247')], { pathId: random(8) });
        sent += sends(made.handleDirection(again, millis(now))).length;
      }
      sent += sends(made.tick(millis(now))).length;
    }
    expect(sent).toBe(5);
  });

  it('N2: are twenty a second at most to one host, over all peers and ports', () => {
    const limiter = new ProbeLimiter();
    const times: number[] = [];
    for (let now = 0; now < 10_000; now++)
      if (limiter.take(pathAddress(`198.51.100.7:${1 + (now % 60_000)}`), millis(now)) === 'ok') times.push(now);
    for (const start of times) {
      const second = times.filter((at) => at >= start && at < start + 1_000);
      expect(second.length).toBeLessThanOrEqual(PROBES_PER_SECOND);
    }
    expect(times.length).toBe(10 * PROBES_PER_SECOND);
  });

  it('N2: are counted for an address that never answered, which one that proved itself lately is not', () => {
    const limiter = new ProbeLimiter();
    const taken = (from: number) => {
      let count = 0;
      for (let now = from; now < from + 20_000; now += 500) if (limiter.take(THERE, millis(now)) === 'ok') count++;
      return count;
    };
    expect(taken(0)).toBe(5);
    limiter.handleProved(THERE, millis(20_000));
    expect(taken(20_000)).toBe(40);
    // two minutes later it is as any other address
    limiter.handleAnswer(THERE);
    expect(taken(140_000)).toBe(5);
  });

  it('N2: go to none of the addresses that are forbidden', () => {
    const lies = ['127.0.0.1:22', '100.64.0.1:9', '224.0.0.1:9', '192.168.1.10:9', '255.255.255.255:9', '[fe80::1]:9'];
    expect(probes(lies.map(reflexive))).toEqual([]);
  });
});

describe('a Tunnel Request', () => {
  function asked() {
    const made = agents();
    made.handleDirection(direction([]), millis(0));
    return made;
  }

  it('N3: is answered once, by no more bytes than it has', () => {
    const made = asked();
    const bytes = request(THERE, 1);
    const [first] = sends(made.handleDatagram(bytes, THERE, millis(1)));
    expect(first).toMatchObject({ to: THERE });
    expect(first.bytes.length).toBeLessThanOrEqual(bytes.length);
    expect(decodeTunnelProbe(first.bytes)).toMatchObject({ kind: 'response', seen: THERE });
    const again = made.handleDatagram(bytes, THERE, millis(2));
    expect(counters(again)).toEqual(['probe-repeated']);
    expect(sends(again)).toEqual([]);
    // the same one from elsewhere, as a third party that replays it
    expect(sends(made.handleDatagram(bytes, pathAddress('203.0.113.99:1'), millis(3)))).toEqual([]);
  });

  it.each([
    ['of another TempKey', { tempKey: new Uint8Array(32) }, 'probe-forged'],
    ['of another sender', { sender: SELF }, 'probe-forged'],
    ['for another receiver', { receiver: PEER }, 'probe-forged'],
  ])('%s is answered by nothing', (_name, key, counter) => {
    const effects = asked().handleDatagram(request(THERE, 1, key), THERE, millis(1));
    expect(sends(effects)).toEqual([]);
    expect(counters(effects)).toEqual([counter]);
  });

  it('of an unknown path, or after the TempKey, is answered by nothing', () => {
    expect(counters(agents().handleDatagram(request(THERE, 1), THERE, millis(1)))).toEqual(['probe-unknown-path']);
    const late = asked().handleDatagram(request(THERE, 1), THERE, millis(TEMP_KEY_MS));
    expect(sends(late)).toEqual([]);
    expect(counters(late)).toEqual(['probe-late']);
  });

  it('N2: from a forbidden source is answered by nothing', () => {
    const effects = asked().handleDatagram(request(THERE, 1), pathAddress('127.0.0.1:9'), millis(1));
    expect(sends(effects)).toEqual([]);
    expect(counters(effects)).toEqual(['probe-forbidden-source']);
  });

  it('that comes back to its sender is no answer and no request', () => {
    const made = agents();
    const [probe] = sends(made.handleDirection(direction([reflexive(THERE)]), millis(0)));
    const effects = made.handleDatagram(probe.bytes, THERE, millis(1));
    expect(sends(effects)).toEqual([]);
    expect(counters(effects)).toEqual(['probe-forged']);
  });
});

describe('a Tunnel Response', () => {
  it('counts only from where the request was sent to', () => {
    const made = agents();
    const [probe] = sends(made.handleDirection(direction([reflexive(THERE)]), millis(0)));
    const decoded = decodeTunnelProbe(probe.bytes);
    if (typeof decoded === 'string') throw new Error(decoded);
    const key = { tempKey: new Uint8Array(32).fill(5), sender: PEER, receiver: SELF };
    const { pathId, txid } = decoded;
    const response = encodeTunnelProbe(provider, key, {
      kind: 'response',
      pathId,
      txid,
      destination: THERE,
      seen: THERE,
    });
    expect(counters(made.handleDatagram(response, pathAddress('203.0.113.99:1'), millis(20)))).toEqual([
      'probe-unasked',
    ]);
    expect(made.handleDatagram(response, THERE, millis(30))).toEqual([
      { kind: 'use', peer: PEER, route: { kind: 'direct', address: THERE }, reason: 'direct' },
    ]);
    expect(counters(made.handleDatagram(response, THERE, millis(40)))).toEqual(['probe-unasked']);
  });

  it('N1: moves nothing once there is an SA: only the answer to the challenge does', () => {
    const made = agents();
    const relay = pathAddress('198.51.100.3:47247');
    const agent = made.agent(PEER);
    const [, probe] = made.handleDirection(
      direction([reflexive(THERE)], { relay: { address: relay, channel: 8 } }),
      millis(0),
    );
    agent.handleBound(relay, 8, millis(1));
    agent.handleSa({ kind: 'relay', address: relay, channel: 8 }, millis(2));
    if (probe?.kind !== 'send') throw new Error('no probe');
    const decoded = decodeTunnelProbe(probe.bytes);
    if (typeof decoded === 'string') throw new Error(decoded);
    const key = { tempKey: new Uint8Array(32).fill(5), sender: PEER, receiver: SELF };
    const { pathId, txid } = decoded;
    const response = encodeTunnelProbe(provider, key, {
      kind: 'response',
      pathId,
      txid,
      destination: THERE,
      seen: THERE,
    });
    const effects = made.handleDatagram(response, THERE, millis(30));
    expect(effects.map(({ kind }) => kind)).toEqual(['challenge']);
    const [challenge] = effects;
    if (challenge.kind !== 'challenge') throw new Error('no challenge');
    expect(challenge.route).toEqual({ kind: 'direct', address: THERE });
    expect(agent.handlePathResponse(new Uint8Array(8), millis(40)).map(({ kind }) => kind)).toEqual(['counter']);
    expect(agent.handlePathResponse(challenge.token, millis(50))).toMatchObject([{ kind: 'use', reason: 'direct' }]);
  });
});

describe('a lying coordinator', () => {
  it('cannot make a node probe itself, or take directions faster than four at once', () => {
    const made = agents();
    expect(counters(made.handleDirection(direction([], { peer: SELF }), millis(0)))).toEqual(['direction-to-self']);
    const fates = Array.from({ length: 8 }, () =>
      counters(made.handleDirection(direction([], { pathId: random(8) }), millis(1))),
    );
    expect(fates.filter((each) => each.includes('direction-too-often')).length).toBe(4);
  });

  it('cannot make a node believe an impostor: without the SA nothing moves', () => {
    const made = agents();
    const agent = made.agent(PEER);
    agent.handleSa({ kind: 'direct', address: THERE }, millis(0));
    // the liar knows the TempKey that it gave, so it can answer the probes itself
    const liar = pathAddress('203.0.113.66:1');
    const [probe] = sends(made.handleDirection(direction([reflexive(liar)]), millis(10)));
    const decoded = decodeTunnelProbe(probe.bytes);
    if (typeof decoded === 'string') throw new Error(decoded);
    const key = { tempKey: new Uint8Array(32).fill(5), sender: PEER, receiver: SELF };
    const { pathId, txid } = decoded;
    const response = encodeTunnelProbe(provider, key, {
      kind: 'response',
      pathId,
      txid,
      destination: liar,
      seen: THERE,
    });
    const effects = made.handleDatagram(response, liar, millis(20));
    for (let now = 25; now < 10_000; now += 5) effects.push(...made.tick(millis(now)));
    expect(effects.some(({ kind }) => kind === 'use')).toBe(false);
    const toLiar = effects.filter((effect) => effect.kind === 'challenge' && effect.route.address === liar);
    expect(toLiar.length).toBeGreaterThan(0);
    expect(toLiar.length).toBeLessThanOrEqual(6);
    expect(agent.report(millis(10_000)).route).toEqual({ kind: 'direct', address: THERE });
  });
});
