import { beforeEach, describe, expect, it } from 'vitest';
import type { CoordinatorPlace } from '../../../src/api/channel/services.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { approveNode } from '../../../src/server/network/commands/nodes.ts';
import { type HubPeer, HubWorld, typesOf } from './hub-world.ts';

const place = (port: number): CoordinatorPlace => ({
  key: new Uint8Array(32).fill(7),
  endpoints: [pathAddress(`203.0.113.1:${port}`), pathAddress(`[2001:db8::1]:${port}`)],
  tunnels: [`vpn.example.net:${port}`],
});

let at: HubWorld;
beforeEach(() => {
  at = new HubWorld();
});

const told = (peer: HubPeer) => {
  const messages = [...peer.first, ...peer.received()];
  peer.first = [];
  return messages.flatMap((each) => (each.type === 'services' ? [each.coordinators] : []));
};

describe('the coordinators of a network', () => {
  it('are told to a node behind its standing, and again when they change', () => {
    at.hub.handleCoordinators([place(1)]);
    at.enrol('a');
    at.pass(300);
    const peer = at.session(at.row('a'), 'a');
    expect(typesOf(peer.first).slice(0, 2)).toEqual(['standing', 'services']);
    expect(told(peer)).toEqual([[place(1)]]);
    at.hub.handleCoordinators([place(1), place(2)]);
    at.hub.handleCoordinators([]);
    at.settle();
    expect(told(peer)).toEqual([[place(1), place(2)], []]);
  });

  it('are not spoken of where there are none', () => {
    at.enrol('a');
    at.pass(300);
    expect(told(at.session(at.row('a'), 'a'))).toEqual([]);
  });

  it('are told to who waits for an administrator only when he has said yes', () => {
    at.hub.handleCoordinators([place(1)]);
    const row = at.enrol('a', { approval: true });
    const peer = at.session(row, 'a');
    expect(told(peer)).toEqual([]);
    at.ground.run((tools, draft) => approveNode(tools, draft, 'a'));
    at.settle();
    expect(told(peer)).toEqual([[place(1)]]);
  });
});
