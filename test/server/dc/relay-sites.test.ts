import { describe, expect, it } from 'vitest';
import { pathAddress } from '../../../src/base/path-address.ts';
import { UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import type { RelayReach } from '../../../src/nat/signal-message.ts';
import { chooseRelay, endpointFor, OWN_RELAY, type RelaySite } from '../../../src/server/dc/relay-sites.ts';
import { DcWorld, type Sent } from './dc-world.ts';

const site = (name: string, ...endpoints: readonly string[]): RelaySite => ({
  name,
  endpoints: endpoints.map(pathAddress),
  secret: new Uint8Array(32),
});
const OWN = site(OWN_RELAY, '198.51.100.1:9', '[2001:db8::1]:9');
const EAST = site('east', '198.51.100.2:9');
const WEST = site('west', '198.51.100.3:9');
const ALL = [OWN, EAST, WEST];

/** What a node said of OWN (its IPv4 address), EAST and WEST; null: nothing, undefined: does not answer. */
function node(
  [own, east, west]: readonly (number | undefined | null)[],
  from = '203.0.113.1:1',
  socket: 'main' | 'tunnel' = 'main',
) {
  const relays: RelayReach[] = [];
  for (const [at, rtt] of [own, east, west].entries())
    if (rtt !== null) relays.push({ address: ALL[at].endpoints[0], rtt });
  return { from: pathAddress(from), socket, registration: { seq: 1, nat: UNKNOWN_NAT, candidates: [], relays } };
}
const NOTHING = node([null, null, null]);

describe('the relay of two nodes', () => {
  it.each([
    ['has the shortest way between them', node([50, 10, 90]), node([50, 100, 30]), undefined, ''],
    ['is none that one of them does not reach', node([50, 10, 20]), node([50, undefined, 20]), undefined, 'west'],
    ['is the first in the list before anybody measured', NOTHING, NOTHING, undefined, ''],
    ['is rather one that both measured', node([null, 30, null]), node([null, 30, null]), undefined, 'east'],
    ['stays when another is a little nearer', node([21, 25, 90]), node([20, 25, 90]), 'east', 'east'],
    ['moves when another is much nearer', node([10, 25, 90]), node([10, 25, 90]), 'east', ''],
    ['moves when it does not answer', node([80, undefined, 90]), node([80, 5, 90]), 'east', ''],
    ['moves when it is no more', node([80, 90, 90]), node([80, 90, 90]), 'north', ''],
    ['is that of the tunnel', node([900, 1, 1], '[100::1]:1', 'tunnel'), node([90, 1, 1]), 'east', ''],
  ])('%s', (_, a, b, before, expected) => {
    expect(chooseRelay(ALL, a, b, before)?.name).toBe(expected);
  });

  it('is none when each is out of reach of one of them', () => {
    expect(chooseRelay(ALL, node([undefined, 1, 1]), node([1, undefined, undefined]), undefined)).toBeUndefined();
    expect(chooseRelay([EAST], node([1, 1, 1], '[100::1]:1', 'tunnel'), NOTHING, undefined)).toBeUndefined();
  });

  it('is named by the address of the family that a node uses, unless it measured another', () => {
    expect(endpointFor(OWN, NOTHING)).toBe('198.51.100.1:9');
    expect(endpointFor(OWN, { ...NOTHING, from: pathAddress('[2001:db8::7]:1') })).toBe('[2001:db8::1]:9');
    expect(endpointFor(OWN, { ...node([12, null, null]), from: pathAddress('[2001:db8::7]:1') })).toBe(
      '198.51.100.1:9',
    );
    expect(endpointFor(EAST, { ...NOTHING, from: pathAddress('[2001:db8::7]:1') })).toBe('198.51.100.2:9');
  });

  it('prefers one that has an address of the family of both', () => {
    const six = { ...NOTHING, from: pathAddress('[2001:db8::7]:1') };
    expect(chooseRelay([EAST, OWN], six, NOTHING, undefined)?.name).toBe(OWN_RELAY);
  });
});

describe('the relays of a coordinator', () => {
  const other = { ...EAST, endpoints: [pathAddress('198.51.100.9:9')] };

  it('are told again when they change: with the next word, and before a direction by one of them', () => {
    const dc = new DcWorld();
    const [anna, ben] = [dc.node('anna'), dc.node('ben')];
    for (const node of [anna, ben]) node.join();
    const heard = (node: typeof anna, sent: readonly Sent[]) => sent.map(({ bytes }) => node.node.open(bytes));
    dc.relays = [other];
    const kept = heard(anna, anna.say({ type: 'keep-alive', seq: 3 }));
    expect(kept).toMatchObject([
      { type: 'kept' },
      { type: 'registered', seq: 1, relays: [{ address: other.endpoints[0] }] },
    ]);
    expect(heard(anna, anna.say({ type: 'keep-alive', seq: 4 }))).toMatchObject([{ type: 'kept' }]);
    const [first, second] = heard(ben, anna.ask(ben).slice(0, 2));
    expect(first).toMatchObject({ type: 'registered', relays: [{ address: other.endpoints[0] }] });
    expect(second).toMatchObject({ type: 'route-direction', relay: { address: other.endpoints[0] } });
    expect(dc.allowed).toMatchObject([{ relay: 'east' }]);
  });

  it('are left by a pair as soon as one of the two says that its relay does not answer', () => {
    const dc = new DcWorld();
    const [anna, ben] = [dc.node('anna'), dc.node('ben')];
    dc.relays = [EAST, WEST];
    for (const node of [anna, ben]) node.join();
    anna.ask(ben);
    ben.register([], UNKNOWN_NAT, [{ address: EAST.endpoints[0], rtt: undefined }]);
    anna.ask(ben, 2);
    expect(dc.allowed).toMatchObject([{ relay: 'east' }, { relay: 'west' }]);
    // two relays, two channels: what comes by the one is not taken for what comes by the other
    expect(dc.allowed[0].channel).not.toBe(dc.allowed[1].channel);
    anna.ask(ben, 3);
    expect(dc.allowed[2]).toMatchObject({ relay: 'west', channel: dc.allowed[1].channel });
  });
});
