import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type Millis, millis, type NodeId } from '../../src/base/brands.ts';
import { type PathAddress, pathAddress, relayPath } from '../../src/base/path-address.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { PathMoves } from '../../src/node/path-moves.ts';
import { trio } from './world.ts';

/*
 * The other parts of the engine are noted down: what is asked of them is all that moves do.
 *
 *   this node ── gen ══ channels ══ NEAR, FAR: two addresses of the peer      RELAY: by a relay, which is no element
 */
const GEN = pathAddress('10.1.0.1:47247');
const NEAR = pathAddress('192.0.2.2:47247');
const FAR = pathAddress('198.51.100.2:47247');
const RELAY = relayPath(pathAddress('203.0.113.9:47249'), 5);
const TOKEN = new Uint8Array(8);

let node: NodeState;
let peer: NodeId;
let moves: PathMoves;
let now: Millis;
/** handshakes that were begun, by path */
let begun: PathAddress[];
/** paths that were challenged inside the SA */
let tried: PathAddress[];
/** by outer address: the way to it */
let ways: Map<PathAddress, PathAddress>;
/** by way, also a former one: the outer address that it leads to */
let ends: Map<PathAddress, PathAddress>;
/** by path: SAs that send to the peer and were made elsewhere */
let elsewhere: (path: PathAddress) => boolean;
/** what a handshake does: nothing, until a test says otherwise */
let onBegin: (path: PathAddress) => void;

beforeEach(() => {
  const { a, b } = trio('moves');
  node = a.engine.node;
  node.paths.peer(b.keys.self().id).hints = [];
  peer = b.keys.self().id;
  now = millis(0);
  [begun, tried, ways, ends] = [[], [], new Map(), new Map()];
  onBegin = () => undefined;
  elsewhere = () => false;
  const endpointOf = (path: PathAddress) => ends.get(path) ?? path;
  const reach = (path: PathAddress, ready: (way: PathAddress) => void) => ready(ways.get(path) ?? path);
  moves = new PathMoves(node, () => ({
    keeper: { tryPath: (_peer, path) => void tried.push(path) },
    negotiating: {
      startByPath: (_peer, path) => {
        begun.push(path);
        onBegin(path);
      },
      handlePath: () => undefined,
      sendsElsewhere: (_peer, path) => elsewhere(path),
    },
    elements: { reach, endpointOf, ways: (_peer, paths) => paths?.map((path) => ways.get(path) ?? path) },
  }));
});

function leads(way: PathAddress, endpoint: PathAddress): void {
  ways.set(endpoint, way);
  ends.set(way, endpoint);
}

/** The peer's two addresses are reached in channels of the GEN above. */
function below(): readonly [near: PathAddress, far: PathAddress] {
  const [near, far] = [relayPath(GEN, 1), relayPath(GEN, 2)];
  leads(near, NEAR);
  leads(far, FAR);
  return [near, far];
}

const current = () => node.paths.peer(peer).current;
const heardAt = (at: number) => vi.spyOn(node.paths, 'heardAt').mockReturnValue(at);
const moved = () =>
  node.effects.flatMap((each) => (each.kind === 'log' && each.event === 'path-moved' ? [each.fields] : []));

/** An SA was made by this path, and it is in use. */
function isUsed(path: PathAddress): void {
  node.paths.believe(peer, path);
  moves.made(peer, path, now);
}

describe('a path without elements in between', () => {
  it('is challenged inside the SA, and used as soon as it is chosen', () => {
    isUsed(NEAR);
    moves.challenge(peer, FAR, TOKEN, now);
    moves.use(peer, FAR, 'better', now);
    expect([tried, begun, current()]).toEqual([[FAR], [], FAR]);
    expect(moved()).toEqual([{ peer: 'b', path: FAR, reason: 'better' }]);
    expect(node.counters.value('paths-moved')).toBe(1);
    moves.use(peer, FAR, 'better', now);
    expect(moved()).toHaveLength(1);
  });

  it('by a relay needs no handshake either, also where the peer is behind a GEN', () => {
    isUsed(NEAR);
    node.elements.saw(peer, [{ id: peer, said: null }]);
    moves.use(peer, RELAY, 'relay', now);
    expect([begun, current()]).toEqual([[], RELAY]);
    moves.use(peer, FAR, 'better', now);
    expect([begun, current()]).toEqual([[FAR], RELAY]);
  });

  it('is none where a relay, which passes none, is all that the newest handshake saw', () => {
    node.elements.saw(peer, [{ id: peer, said: null }]);
    isUsed(NEAR);
    node.elements.saw(peer, []);
    moves.made(peer, RELAY, now);
    moves.tick(now);
    expect([begun, current()]).toEqual([[NEAR], RELAY]);
    // straight, and past none: the peer is behind them no longer
    moves.made(peer, NEAR, now);
    moves.use(peer, FAR, 'better', now);
    expect([begun, current()]).toEqual([[NEAR], FAR]);
  });
});

describe('a path through an element', () => {
  it('is used when an SA was made by it, and not before', () => {
    const [near, far] = below();
    isUsed(near);
    moves.use(peer, FAR, 'better', now);
    expect([begun, current(), tried]).toEqual([[far], near, []]);
    moves.made(peer, far, now);
    expect([begun, current()]).toEqual([[far], far]);
    expect(moved()).toEqual([{ peer: 'b', path: far, reason: 'better' }]);
  });

  it('is asked for again after 1, 2, 4 seconds and so on up to 32, until it is made, or something else is chosen', () => {
    const [near] = below();
    isUsed(near);
    moves.use(peer, FAR, 'better', now);
    const at: number[] = [];
    for (let second = 0; second < 130; second++) {
      const before = begun.length;
      moves.tick(millis(second * 1_000));
      if (begun.length > before) at.push(second);
    }
    expect(at).toEqual([1, 3, 7, 15, 31, 63, 95, 127]);
    moves.use(peer, NEAR, 'back', millis(131_000));
    const before = begun.length;
    moves.tick(millis(300_000));
    expect([begun.length, current()]).toEqual([before, near]);
  });

  it('is forgotten with the last SA of the peer, and the next one is made anywhere', () => {
    const [near] = below();
    isUsed(near);
    moves.use(peer, FAR, 'better', now);
    moves.ended(peer);
    moves.tick(millis(60_000));
    expect(begun).toHaveLength(1);
    moves.challenge(peer, FAR, TOKEN, now);
    expect([begun.length, tried.length]).toEqual([1, 1]);
  });

  it('that answers a challenge slowly is asked for a handshake once a second', () => {
    const [near, far] = below();
    isUsed(near);
    for (let ms = 0; ms < 3_000; ms += 100) moves.challenge(peer, FAR, TOKEN, millis(ms));
    expect([begun, tried]).toEqual([[far, far, far], []]);
  });

  it('follows the GEN: a handshake by another channel to the same address moves there at once', () => {
    const [near] = below();
    isUsed(near);
    const other = relayPath(GEN, 9);
    leads(other, NEAR);
    moves.made(peer, other, now);
    moves.tick(millis(60_000));
    expect([current(), begun]).toEqual([other, []]);
  });
});

describe('a path that was chosen', () => {
  it('and given up before it was known how to get there is not used', () => {
    let answered: () => void = () => undefined;
    const late = new PathMoves(node, () => ({
      keeper: { tryPath: () => undefined },
      negotiating: { startByPath: () => undefined, handlePath: () => undefined, sendsElsewhere: () => false },
      elements: {
        reach: (path, ready) => {
          if (path === FAR) answered = () => ready(path);
          else ready(path);
        },
        endpointOf: (path) => path,
        ways: () => undefined,
      },
    }));
    node.paths.believe(peer, RELAY);
    late.made(peer, RELAY, now);
    late.use(peer, FAR, 'better', now);
    late.use(peer, NEAR, 'better', now);
    answered();
    expect(current()).toBe(NEAR);
  });

  it('is followed by the SAs of other groups and chains, which send by it, too', () => {
    const [near, far] = below();
    isUsed(near);
    const left = ['chain', 'group'];
    elsewhere = (path) => path === far && left.length > 0;
    moves.use(peer, FAR, 'better', now);
    moves.made(peer, far, now);
    for (let second = 1; second < 100; second++) {
      moves.tick(millis(second * 1_000));
      if (begun.length > 1 && left.pop() !== undefined) moves.made(peer, far, millis(second * 1_000));
    }
    expect([begun, current()]).toEqual([[far, far, far], far]);
  });
});

describe('two paths that each could carry the traffic', () => {
  /** The choice of paths asks after both, twice a second; each handshake succeeds at once. */
  function contest(seconds: number): PathAddress[] {
    onBegin = (path) => moves.made(peer, path, now);
    for (let ms = 0; ms < seconds * 1_000; ms += 500) {
      now = millis(ms);
      moves.tick(now);
      for (const path of [NEAR, FAR]) moves.challenge(peer, path, TOKEN, now);
    }
    return begun;
  }

  it('make no new SA as long as the one in use has its own and is heard', () => {
    const [near] = below();
    isUsed(near);
    vi.spyOn(node.paths, 'heardAt').mockImplementation(() => now);
    expect(contest(60)).toEqual([]);
    expect(current()).toBe(near);
  });

  it('move once when the one in use falls silent', () => {
    const [near, far] = below();
    isUsed(near);
    const heard = heardAt(0);
    now = millis(2_499);
    moves.challenge(peer, FAR, TOKEN, now);
    expect(begun).toEqual([]);
    now = millis(2_500);
    onBegin = (path) => {
      heard.mockImplementation(() => now);
      moves.made(peer, path, now);
    };
    moves.challenge(peer, FAR, TOKEN, now);
    expect(begun[0]).toBe(far);
    const after = begun.length;
    for (let ms = 3_000; ms < 60_000; ms += 500) {
      now = millis(ms);
      moves.tick(now);
      for (const path of [NEAR, FAR]) moves.challenge(peer, path, TOKEN, now);
    }
    // the former one is asked for once more, since it was chosen
    expect(begun.length - after).toBeLessThanOrEqual(1);
  });

  it('leave a relay for what needs a handshake', () => {
    const [near] = below();
    isUsed(RELAY);
    heardAt(0);
    moves.challenge(peer, NEAR, TOKEN, now);
    expect(begun).toEqual([near]);
  });

  it('go on where the handshake was faster, and come back to what was chosen', () => {
    const [near, far] = below();
    isUsed(near);
    moves.made(peer, far, now);
    expect([current(), begun]).toEqual([far, []]);
    moves.tick(now);
    expect(begun).toEqual([near]);
    moves.made(peer, near, now);
    expect(current()).toBe(near);
    moves.tick(millis(60_000));
    expect(begun).toEqual([near]);
  });
});

it('without a coordinator what is configured is tried, by the ways that lead there', () => {
  const [near] = below();
  const handled: PathAddress[] = [];
  const again = new PathMoves(node, () => ({
    keeper: { tryPath: () => undefined },
    negotiating: {
      startByPath: () => undefined,
      handlePath: (_peer, path) => void handled.push(path),
      sendsElsewhere: () => false,
    },
    elements: {
      reach: () => undefined,
      endpointOf: (path) => path,
      ways: (_peer, paths) => paths?.map((path) => ways.get(path) ?? path),
    },
  }));
  node.paths.hint(peer, NEAR);
  again.tryHints(peer, now);
  expect(handled).toEqual([near]);
});
