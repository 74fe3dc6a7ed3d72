import { describe, expect, it } from 'vitest';
import { millis, nodeId } from '../../src/base/brands.ts';
import { type PathAddress, pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { UNKNOWN_NAT } from '../../src/nat/nat-kind.ts';
import { PathAgents } from '../../src/nat/path-agents.ts';
import type { RouteDirection } from '../../src/nat/signal-message.ts';

const NOW = millis(10_000);
const [SELF, PEER] = [nodeId('1'.repeat(32)), nodeId('2'.repeat(32))];
const OLD = pathAddress('198.51.100.12:1000');
const NEW = pathAddress('198.51.100.13:1000');

/** The coordinator shares one path id among directions that are asked for within two seconds. */
function direction(address: PathAddress): RouteDirection {
  return {
    ...{ type: 'route-direction', request: 0, role: 'end', peer: PEER, nat: UNKNOWN_NAT, relay: undefined },
    ...{ pathId: new Uint8Array(8).fill(9), tempKey: new Uint8Array(32).fill(5) },
    candidates: [{ kind: 'reflexive', address, seen: true }],
  };
}

function talking() {
  const place = { interfaces: [{ address: Uint8Array.of(192, 168, 1, 10), length: 24 }], overlay: [], outer: [] };
  const agents = new PathAgents({ provider, random: (length) => new Uint8Array(length).fill(7), self: SELF }, () => ({
    ...{ place, nat: UNKNOWN_NAT, udpBlocked: false, keepAlive: 25_000 },
  }));
  agents.handleDirection(direction(OLD), NOW);
  agents.agent(PEER).handleSa({ kind: 'direct', address: OLD }, NOW);
  return agents;
}

describe('a direction that comes again under its path id', () => {
  it('changes nothing when it says the same', () => {
    expect(talking().handleDirection(direction(OLD), NOW)).toEqual([]);
  });

  it('is a new one when the peer is elsewhere: the path in use is asked whether it is still there', () => {
    const effects = talking().handleDirection(direction(NEW), NOW);
    expect(effects).toContainEqual(
      expect.objectContaining({ kind: 'challenge', route: { kind: 'direct', address: OLD } }),
    );
    expect(effects).toContainEqual(expect.objectContaining({ kind: 'send', to: NEW }));
  });
});
