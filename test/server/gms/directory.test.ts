import { beforeEach, describe, expect, it } from 'vitest';
import { pathAddress } from '../../../src/base/path-address.ts';
import { addToGroup } from '../../../src/server/network/commands/nodes.ts';
import { type HubPeer, HubWorld } from './hub-world.ts';

let at: HubWorld;
beforeEach(() => {
  at = new HubWorld();
});

describe('the directory', () => {
  const own = (port: number) => ({ udpPort: 47_247, endpoints: [pathAddress(`10.0.0.1:${port}`)] });
  const places = (peer: HubPeer) =>
    [...peer.first, ...peer.received()].flatMap((message) => (message.type === 'directory' ? message.peers : []));

  it('tells where the server sees a node, with its port, and where it says it is', () => {
    at.enrol('a');
    at.pass(300);
    const peer = at.session(at.row('a'), 'a', own(5), Uint8Array.of(203, 0, 113, 9));
    expect(places(peer)).toEqual([{ id: at.row('a').id, endpoints: ['203.0.113.9:47247', '10.0.0.1:5'], gone: false }]);
  });

  it('leaves out addresses that mean another machine at each peer', () => {
    at.enrol('a');
    at.pass(300);
    const endpoints = [
      '127.0.0.1:5',
      '169.254.1.1:5',
      '224.0.0.1:5',
      '0.0.0.0:5',
      '255.255.255.255:5',
      '[::1]:5',
      '[::]:5',
      '[fe80::1]:5',
      '[ff02::1]:5',
      '[::ffff:10.0.0.1]:5',
      '[2001:db8::1]:5',
      '192.168.1.1:5',
    ].map(pathAddress);
    const peer = at.session(at.row('a'), 'a', { udpPort: 47_247, endpoints }, Uint8Array.of(127, 0, 0, 1));
    expect(places(peer)[0].endpoints).toEqual(['[2001:db8::1]:5', '192.168.1.1:5']);
  });

  it('shows members of common groups, and changes within half a second', () => {
    const [a, b] = [at.member('a'), at.member('b')];
    at.enrol('c', { groups: ['home'] });
    at.pass(300);
    const c = at.session(at.row('c'), 'c');
    a.first = [];
    at.pass(1_000);
    for (const peer of [a, b, c]) {
      peer.first = [];
      peer.received();
    }
    a.say({ type: 'endpoints', ...own(6) });
    at.pass(600);
    expect(places(b)).toMatchObject([{ id: at.row('a').id, endpoints: ['192.0.2.1:47247', '10.0.0.1:6'] }]);
    expect(places(c)).toEqual([]);
  });

  it('shows a node to those whose group it comes into, and them to it', () => {
    const a = at.member('a');
    at.enrol('c', { groups: ['home'] });
    at.pass(300);
    const c = at.session(at.row('c'), 'c');
    at.pass(600);
    for (const peer of [a, c]) {
      peer.first = [];
      peer.received();
    }
    at.ground.run((tools, draft) => addToGroup(tools, draft, 'lab', 'c'));
    at.pass(1_000);
    expect(places(a).map(({ id }) => id)).toContain(at.row('c').id);
    expect(places(c).map(({ id }) => id)).toContain(at.row('a').id);
  });

  it('says who left the network, to those who knew it', () => {
    const b = at.member('b');
    const { id } = at.row(at.member('a').name);
    at.pass(1_000);
    b.first = [];
    b.received();
    at.remove('a');
    at.pass(600);
    expect(places(b)).toEqual([{ id, endpoints: [], gone: true }]);
  });

  it('takes what the hubs of other processes share, and shares what it learns', () => {
    const b = at.member('b');
    const other = new HubWorld(at.ground);
    at.enrol('a');
    at.pass(300);
    other.session(at.row('a'), 'a', own(7));
    b.received();
    for (const effect of other.shared) if (effect.kind === 'share') at.hub.handleShared(effect.peers);
    at.pass(600);
    expect(places(b).find(({ id }) => id === at.row('a').id)?.endpoints).toContain('10.0.0.1:7');
  });
});
