import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from '../../src/tun/prefix.ts';
import { chooseRoutes } from '../../src/tun/route-choice.ts';

const connected = (text: string) => ({ prefix: parsePrefix(text), by: 'eth0', connected: true });
const routed = (text: string) => ({ prefix: parsePrefix(text), by: 'eth0', connected: false });
const NOTHING = { used: [], own: [], endpoints: [], home: [] };

function taken(offered: readonly string[], limits: Partial<Parameters<typeof chooseRoutes>[1]>) {
  const { taken: kept, refused } = chooseRoutes(offered.map(parsePrefix), { ...NOTHING, ...limits });
  return { taken: kept.map(formatPrefix), refused: refused.map(({ prefix }) => formatPrefix(prefix)) };
}

describe('the choice of routes that others offer', () => {
  it('takes each once', () => {
    expect(taken(['10.9.0.0/16', 'fd77::/64', '10.9.0.0/16'], {})).toEqual({
      taken: ['10.9.0.0/16', 'fd77::/64'],
      refused: [],
    });
  });

  it.each([
    ['equal', '192.168.1.0/24'],
    ['inside', '192.168.1.128/25'],
    ['around', '192.168.0.0/16'],
  ])('C1: never takes one that is %s to a network that this machine is connected to', (_, offer) => {
    expect(taken([offer], { used: [connected('192.168.1.0/24')] })).toEqual({ taken: [], refused: [offer] });
  });

  it.each([
    ['nothing proved', [], 'strange'],
    ['a router on that link', [{ routes: ['192.168.1.0/24'], router: '192.168.1.1' }], 'home'],
    ['one whose route is wider', [{ routes: ['192.168.0.0/16'], router: '192.168.1.1' }], 'home'],
    ['one whose route is only a part', [{ routes: ['192.168.1.0/25'], router: '192.168.1.1' }], 'strange'],
    ['one on the same link by another address', [{ routes: ['192.168.1.0/24'], router: '10.0.0.1' }], 'home'],
    ['one on another link', [{ routes: ['192.168.1.0/24'], router: '172.16.0.1' }], 'strange'],
    ['one that is nowhere here', [{ routes: ['192.168.1.0/24'], router: '198.51.100.1' }], 'strange'],
    ['the administrator', [{ routes: ['192.168.1.0/24'], router: undefined }], 'home'],
  ] as const)('C1: knows home by the proof of its router: %s', (_, home, lan) => {
    const used = [
      connected('192.168.1.0/24'),
      connected('10.0.0.0/24'),
      { prefix: parsePrefix('172.16.0.0/24'), by: 'wlan0', connected: true },
    ];
    const proofs = home.map(({ routes, router }) => ({
      routes: routes.map(parsePrefix),
      router: router === undefined ? undefined : parsePrefix(router),
    }));
    const limits = { ...NOTHING, used, home: proofs };
    const { taken: kept, refused } = chooseRoutes([parsePrefix('192.168.1.0/24')], limits);
    expect([kept, refused.map((each) => each.lan)]).toEqual([[], [lan]]);
  });

  it('is at home only where every network with these addresses is', () => {
    const used = [connected('192.168.1.0/24'), { ...connected('192.168.1.0/24'), by: 'wlan0' }];
    const home = [{ routes: [parsePrefix('192.168.1.0/24')], router: parsePrefix('192.168.1.1') }];
    const both = chooseRoutes([parsePrefix('192.168.1.0/24')], { ...NOTHING, used, home });
    // the kernel sends to the router and to its neighbours by the same one of the two links
    expect(both.refused.map(({ lan }) => lan)).toEqual(['home']);
    const apart = [connected('192.168.1.0/25'), { ...connected('192.168.1.128/25'), by: 'wlan0' }];
    const split = chooseRoutes([parsePrefix('192.168.1.0/24')], { ...NOTHING, used: apart, home });
    expect(split.refused.map(({ lan }) => lan)).toEqual(['strange']);
  });

  it('takes what lies inside a route by a gateway, but not that route itself', () => {
    const used = [routed('10.0.0.0/8')];
    expect(taken(['10.9.0.0/16', '10.0.0.0/8'], { used })).toEqual({ taken: ['10.9.0.0/16'], refused: ['10.0.0.0/8'] });
  });

  it('takes nothing that the outer datagrams would be caught in', () => {
    const endpoints = [parsePrefix('198.51.100.7')];
    expect(taken(['198.51.100.0/24', '198.51.101.0/24'], { endpoints })).toEqual({
      taken: ['198.51.101.0/24'],
      refused: ['198.51.100.0/24'],
    });
  });

  it('passes over what lies behind this node itself', () => {
    const own = [parsePrefix('10.9.0.0/16')];
    expect(taken(['10.9.0.0/16', '10.9.3.0/24', '10.8.0.0/15'], { own, used: [connected('10.9.0.0/16')] })).toEqual({
      taken: [],
      refused: ['10.8.0.0/15'],
    });
  });

  it('says what is in the way', () => {
    const limits = { ...NOTHING, used: [connected('192.168.1.0/24')], endpoints: [parsePrefix('2001:db8::7')] };
    const { refused } = chooseRoutes([parsePrefix('192.168.1.0/24'), parsePrefix('2001:db8::/32')], limits);
    expect(refused.map(({ why }) => why)).toEqual([
      'this machine is connected to 192.168.1.0/24 by eth0',
      'the endpoint 2001:db8::7 of a peer lies in it',
    ]);
  });
});
