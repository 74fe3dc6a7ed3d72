import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../../src/base/brands.ts';
import { decodeCaPart } from '../../../src/crypto/credential.ts';
import { endedNodes, removeEndedNodes } from '../../../src/server/network/commands/membership-end.ts';
import { changeNode, renewCertificate } from '../../../src/server/network/commands/nodes.ts';
import { createToken } from '../../../src/server/network/commands/tokens.ts';
import { groupNamed, nodeNamed } from '../../../src/server/network/find.ts';
import { small, type World } from './ground.ts';

const DAY = 86_400;

function set(network: World, until: number | null) {
  return network.run((tools, draft) => changeNode(tools, draft, 'bob', { until }));
}

function leave(network: World): string[] {
  return network.run((tools, draft) => removeEndedNodes(tools, draft)).map(({ name }) => name);
}

/** When the newest certificate of a node ends. */
function certificateEnd(network: World, name: string): number | undefined {
  const part = decodeCaPart(nodeNamed(network.view, name).caPart);
  return typeof part === 'string' ? undefined : part.notAfter;
}

describe('a membership with an end', () => {
  it('ends by itself, not sooner, with new keys for those who stay', () => {
    const { network } = small();
    set(network, network.now + DAY);
    const before = groupNamed(network.view, 'lab').versions.at(-1);
    network.now += DAY - 1;
    expect(leave(network)).toEqual([]);
    network.now += 1;
    expect(leave(network)).toEqual(['bob']);
    expect(() => nodeNamed(network.view, 'bob')).toThrow('was removed');
    expect(groupNamed(network.view, 'lab').versions.at(-1)).not.toBe(before);
    expect(leave(network)).toEqual([]);
  });

  it('has a certificate that ends with it, so that peers refuse it also without a server', () => {
    const { network } = small();
    const end = network.now + DAY;
    set(network, end);
    expect(certificateEnd(network, 'bob')).toBe(end);
    const { id } = nodeNamed(network.view, 'bob');
    network.now += DAY - 1;
    expect(network.run((tools, draft) => renewCertificate(tools, draft, id)).certificateEnds).toBe(end);
  });

  it('lasts on, with a certificate that lasts, when the end is taken away', () => {
    const { network } = small();
    const before = nodeNamed(network.view, 'bob').certificateEnds;
    set(network, network.now + DAY);
    set(network, null);
    expect(certificateEnd(network, 'bob')).toBeGreaterThanOrEqual(before);
    network.now += 2 * DAY;
    expect(endedNodes(network.tools, network.view)).toEqual([]);
  });

  it('keeps its end when other things of the node change', () => {
    const { network } = small();
    const end = network.now + DAY;
    set(network, end);
    network.run((tools, draft) => changeNode(tools, draft, 'bob', { name: 'guest' }));
    expect(nodeNamed(network.view, 'guest').endsAt).toBe(end);
  });

  it('cannot end in the past', () => {
    const { network } = small();
    expect(() => set(network, network.now)).toThrow('has passed');
    expect(nodeNamed(network.view, 'bob').endsAt).toBeUndefined();
  });
});

describe('a token with an end', () => {
  it('gives it to the nodes that it brings', () => {
    const { network } = small();
    const until = network.now + DAY;
    expect(network.join({ name: 'guest', until }).endsAt).toBe(until);
    expect(certificateEnd(network, 'guest')).toBe(until);
  });

  it('is of no use after that end, however long it was to be valid', () => {
    const { network } = small();
    const until = unixSeconds(network.now + 600);
    const request = { user: 'anna', groups: ['lab'], ttl: DAY, until };
    const { id, expiresAt } = network.run((tools, draft) => createToken(tools, draft, request, 'test'));
    expect(expiresAt).toBe(until);
    network.now += 600;
    expect(() => network.redeem(id)).toThrow();
  });
});
