import { describe, expect, it } from 'vitest';
import { millis, nodeId } from '../../src/base/brands.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { UNKNOWN_NAT } from '../../src/nat/nat-kind.ts';
import { PathAgents } from '../../src/nat/path-agents.ts';
import type { PathEffect } from '../../src/nat/path-effects.ts';

const PEER = nodeId('22'.repeat(16));
const PLACE = { interfaces: [], overlay: [], outer: [] };

function wanting(until: number) {
  const own = { place: PLACE, nat: UNKNOWN_NAT, udpBlocked: false, keepAlive: 25_000 };
  const random = (length: number) => new Uint8Array(length);
  const agents = new PathAgents({ provider, random, self: nodeId('11'.repeat(16)) }, () => own);
  for (let now = 0; now < until; now += 100) agents.agent(PEER).handleWanted(millis(now));
  return agents;
}

const asks = (effects: readonly PathEffect[]) => effects.filter(({ kind }) => kind === 'ask-direction').length;

describe('a coordinator that is there again', () => {
  it('is asked at once for whom traffic waits, however often that was in vain, and again soon', () => {
    const agents = wanting(30_000);
    expect(asks(agents.agent(PEER).handleWanted(millis(30_000)))).toBe(0);
    expect(asks(agents.handleCoordinator(millis(30_001)))).toBe(1);
    expect(asks(agents.agent(PEER).handleWanted(millis(30_500)))).toBe(1);
  });

  it('is not asked for peers that nobody wants any more', () => {
    const agents = wanting(1_000);
    expect(asks(agents.handleCoordinator(millis(600_000)))).toBe(0);
  });
});
