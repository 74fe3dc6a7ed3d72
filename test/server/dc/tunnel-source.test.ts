import { describe, expect, it } from 'vitest';
import { formatPath, pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import { outerFault } from '../../../src/nat/outer-address.ts';
import { encodeReflect } from '../../../src/nat/reflect.ts';
import { isTunnelPath, tunnelPath } from '../../../src/nat/tunnel-address.ts';
import { sourceName } from '../../../src/server/datagrams/served-place.ts';
import { HELLO_RATE } from '../../../src/server/dc/dc-limits.ts';
import { describeWalks } from '../relay/relay-walks.ts';
import { ANNA, AT_BEN, BEN, framed, RelayWorld } from '../relay/relay-world.ts';
import { DcWorld, RELAY } from './dc-world.ts';

const source = new Uint8Array(6).fill(7);
const here = tunnelPath(source, 1);

describe('the address of a tunnel', () => {
  it('is its own, and has its source in common with others from there alone', () => {
    const others = [tunnelPath(source, 2), tunnelPath(source, 0x1_0001), tunnelPath(source, 0xffff_ffff)];
    expect(new Set([here, ...others]).size).toBe(4);
    for (const other of others) expect(sourceName(other)).toBe(sourceName(here));
    expect(sourceName(tunnelPath(new Uint8Array(6).fill(8), 1))).not.toBe(sourceName(here));
    for (const path of [here, ...others]) expect(isTunnelPath(path)).toBe(true);
  });

  it.each(['[100:0:0:1::1]:5', '[101::1]:5', '[2001:db8::1]:5', '1.0.0.0:5'])('is not %s', (path) => {
    expect(isTunnelPath(pathAddress(path))).toBe(false);
  });

  it('N2: is none that datagrams may come from or go to', () => {
    expect(outerFault(here, { interfaces: [], overlay: [], outer: [] })).toBe('reserved');
    const beside = new Uint8Array(16);
    beside[0] = 1;
    beside[7] = 1;
    expect(outerFault(formatPath(6, beside, 5), { interfaces: [], overlay: [], outer: [] })).toBeUndefined();
  });
});

describe('the coordinator behind a tunnel', () => {
  function tunnelled() {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    const [welcome] = dc.send(anna.hello(), here, 'tunnel');
    anna.node.welcomed(welcome.bytes);
    const message = { type: 'register', seq: 1, nat: UNKNOWN_NAT, relays: [] } as const;
    const register = { ...message, candidates: [{ kind: 'reflexive', address: here, seen: true }] } as const;
    const [answer] = dc.send(anna.node.seal(register), here, 'tunnel');
    return { dc, anna, answer, registered: anna.node.open(answer.bytes) };
  }

  it('answers through it, and tells nobody its address as a candidate', () => {
    const { dc, anna, answer, registered } = tunnelled();
    expect(answer).toMatchObject({ to: here, socket: 'tunnel' });
    expect(registered).toMatchObject({ type: 'registered', seen: here });
    expect(dc.counters.get('dc-candidate-reserved')).toBe(1);
    const ben = dc.node('ben');
    ben.join();
    expect(ben.ask(anna)).toMatchObject([{ to: here, socket: 'tunnel' }, { to: ben.from }]);
    expect(dc.allowed).toMatchObject([{ relay: '' }]);
  });

  it('takes nothing from such an address over UDP', () => {
    const dc = new DcWorld();
    expect(dc.send(dc.node('anna').hello(), here)).toEqual([]);
    expect([...dc.counters]).toEqual([['dc-source-reserved', 1]]);
  });

  it('counts its tunnels by the network that they come from', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    for (let number = 1; number <= HELLO_RATE.burst + 1; number++)
      dc.send(anna.hello().fill(0, 50), tunnelPath(source, number), 'tunnel');
    expect(dc.counters.get('dc-hello-source-rate')).toBe(1);
    dc.send(anna.hello(), tunnelPath(new Uint8Array(6), 1), 'tunnel');
    expect(dc.coordinator.nodes + (dc.counters.get('dc-hello-source-rate') ?? 0)).toBe(1);
  });

  it('does not answer what is asked in a tunnel from elsewhere', () => {
    const { dc, registered } = tunnelled();
    if (registered.type !== 'registered') throw new Error(registered.type);
    const { ticket, reflectKey } = registered;
    const question = { kind: 'question', ticket, nonce: new Uint8Array(12), delay: 0 } as const;
    const ask = (from: 'asked' | 'other-port') =>
      dc.send(encodeReflect(nodeProvider, reflectKey, { ...question, from }), here, 'tunnel');
    expect(ask('other-port')).toEqual([]);
    expect(dc.counters.get('dc-reflect-no-address')).toBe(1);
    expect(ask('asked')).toMatchObject([{ to: here, socket: 'tunnel' }]);
  });

  it('has no other relay for who comes through it than its own', () => {
    const { dc, anna } = tunnelled();
    dc.relays = [{ name: 'east', endpoints: [RELAY], secret: new Uint8Array(32) }];
    const ben = dc.node('ben');
    ben.join();
    ben.ask(anna);
    expect(dc.allowed).toEqual([]);
  });
});

describeWalks('the relay behind a tunnel', (walk) => {
  it('binds it and forwards to it, but takes no BIND from such an address over UDP', () => {
    const world = new RelayWorld(walk);
    world.relay.allow(5, [ANNA, BEN], world.now);
    world.receive([world.bindBytes(ANNA, 5)], here);
    expect([world.answers(), world.counters.get('relay-source-reserved')]).toEqual([[], 1]);
    expect(world.bind(ANNA, 5, here, true)).toBe('bound');
    expect(world.bind(BEN, 5, AT_BEN)).toBe('bound');
    expect(world.receive([framed(5, 1)], AT_BEN)).toMatchObject([{ to: here }]);
    world.tunnelled(framed(5, 2), here);
    expect(world.taken()).toMatchObject([{ to: AT_BEN, bytes: framed(5, 2) }]);
  });
});
