import { describe, expect, it } from 'vitest';
import type { NatRule } from '../../src/nat/nat-kind.ts';
import { type NetFacts, type NetFinding, natName, netFindings } from '../../src/nat/net-findings.ts';

const nat = (mapping: NatRule, filtering: NatRule) => ({ mapping, filtering, hairpin: undefined });
const WELL: NetFacts = {
  agent: true,
  isRouted: true,
  connected: true,
  door: 'open',
  complete: true,
  udp: 'open',
  coordinators: [true],
  relays: [true],
  nat: nat('endpoint', 'port'),
  mappedHosts: [],
  outerHosts: ['203.0.113.1'],
};

describe('what netcheck finds', () => {
  it('is nothing where all is well', () => expect(netFindings(WELL)).toEqual([]));

  it.each<[NetFinding[], Partial<NetFacts>]>([
    [['agent-not-running'], { agent: false, udp: 'unknown', coordinators: [], relays: [], nat: undefined }],
    [['offline'], { isRouted: false }],
    [['captive'], { door: 'stranger' }],
    [['server-silent'], { door: 'silent', connected: false }],
    [[], { door: 'silent' }],
    [['no-coordinator'], { coordinators: [], relays: [], udp: 'unknown' }],
    [['udp-blocked'], { udp: 'blocked', coordinators: [false], relays: [], nat: nat('unknown', 'unknown') }],
    [['coordinator-silent'], { coordinators: [true, false] }],
    [['no-relay'], { relays: [] }],
    [[], { relays: [], complete: false }],
    [['relay-silent'], { relays: [true, false] }],
    [['nat-per-destination'], { nat: nat('port', 'port') }],
    [['nat-per-destination'], { nat: nat('address', 'port') }],
    [['nat-unknown'], { nat: nat('unknown', 'unknown') }],
    [['double-nat'], { mappedHosts: ['100.64.3.4'] }],
    [[], { mappedHosts: ['203.0.113.1'] }],
  ])('%j', (codes, facts) => expect(netFindings({ ...WELL, ...facts })).toEqual(codes));
});

describe('the name of a NAT', () => {
  it.each<[NatRule, NatRule, string]>([
    ['unknown', 'unknown', 'unknown'],
    ['none', 'none', 'none'],
    ['none', 'port', 'none, behind a firewall'],
    ['endpoint', 'endpoint', 'full cone'],
    ['endpoint', 'address', 'address-restricted'],
    ['endpoint', 'port', 'port-restricted'],
    ['endpoint', 'unknown', 'cone, filter unknown'],
    ['address', 'port', 'symmetric'],
    ['port', 'port', 'symmetric'],
  ])('that maps by %s and filters by %s is %s', (mapping, filtering, name) =>
    expect(natName({ mapping, filtering })).toBe(name));
});
