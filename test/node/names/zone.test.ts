import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../src/base/ip-address.ts';
import { RCODE, RR_TYPE } from '../../../src/node/names/dns-codes.ts';
import { hostLabel, networkDomain } from '../../../src/node/names/label.ts';
import { NameTable } from '../../../src/node/names/name-table.ts';
import { reverseZones } from '../../../src/node/names/reverse-name.ts';
import { answerQuestion } from '../../../src/node/names/zone.ts';
import { parsePrefix } from '../../../src/tun/prefix.ts';
import { member, POOL, table } from './members.ts';

const HOME = table('home', 'alice', 'bob', 'bob-2');
const V6_OF_BOB = `2.${'0.'.repeat(19)}a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa`;

function ask(name: string, type: keyof typeof RR_TYPE, of = HOME, inClass = 1) {
  const { rcode, records } = answerQuestion(of, { labels: name.split('.'), type: RR_TYPE[type], class: inClass });
  const said = records.map((each) => (each.type === 'address' ? formatAddress(each.address) : each.name));
  return [Object.entries(RCODE).find(([, value]) => value === rcode)?.[0], ...said];
}

describe('answers about a network', () => {
  it.each([
    ['bob.home.gscip', 'a', ['noError', '100.64.0.2']],
    ['bob.home.gscip', 'aaaa', ['noError', 'fd12:3456:789a::2']],
    ['bob.home.gscip', 'any', ['noError', '100.64.0.2', 'fd12:3456:789a::2']],
    ['bob-2.home.gscip', 'a', ['noError', '100.64.0.3']],
    ['alice.home.gscip', 'a', ['noError', '100.64.0.1']],
    ['bob.home.gscip', 'ptr', ['noError']],
    ['home.gscip', 'a', ['noError']],
    ['home.gscip', 'soa', ['noError']],
    ['carol.home.gscip', 'a', ['nxDomain']],
    ['www.bob.home.gscip', 'a', ['nxDomain']],
    ['2.0.64.100.in-addr.arpa', 'ptr', ['noError', 'bob.home.gscip']],
    ['2.0.64.100.in-addr.arpa', 'a', ['noError']],
    [V6_OF_BOB, 'ptr', ['noError', 'bob.home.gscip']],
    ['9.0.64.100.in-addr.arpa', 'ptr', ['nxDomain']],
    ['0.64.100.in-addr.arpa', 'ptr', ['noError']],
    // not for this node to say
    ['bob', 'a', ['refused']],
    ['gscip', 'a', ['refused']],
    ['bob.work.gscip', 'a', ['refused']],
    ['example.com', 'a', ['refused']],
    ['bob.home.gscip.example.com', 'a', ['refused']],
    ['2.0.0.10.in-addr.arpa', 'ptr', ['refused']],
    ['100.in-addr.arpa', 'ptr', ['refused']],
    ['in-addr.arpa', 'ptr', ['refused']],
    ['300.0.64.100.in-addr.arpa', 'ptr', ['refused']],
    ['02.0.64.100.in-addr.arpa', 'ptr', ['refused']],
    ['1.2.0.64.100.in-addr.arpa', 'ptr', ['refused']],
    // 100.64.0.2 in the last bytes of an IPv6 address is another address
    [`2.0.0.0.0.4.4.6.${'0.'.repeat(24)}ip6.arpa`, 'ptr', ['refused']],
  ] as const)('%s %s: %j', (name, type, expected) => {
    expect(ask(name, type)).toEqual(expected);
  });

  it('are of the class Internet only', () => {
    expect(ask('bob.home.gscip', 'a', HOME, 3)).toEqual(['refused']);
  });
});

describe('names', () => {
  it.each([
    ['web-1', { label: 'web-1' }],
    ['Web-1', { label: 'web-1' }],
    ['a'.repeat(63), { label: 'a'.repeat(63) }],
    ['a'.repeat(64), 'no-label'],
    ['', 'no-label'],
    ['my_host', 'no-label'],
    ['-a', 'no-label'],
    ['a-', 'no-label'],
    ['a.b', 'no-label'],
    ['a b', 'no-label'],
    ['a\n1.2.3.4 bank', 'no-label'],
    ['müller', 'no-label'],
    ['localhost', 'reserved'],
    ['WPAD', 'reserved'],
  ])('of a member called %j: %j', (name, expected) => {
    expect(hostLabel(name)).toEqual(expected);
  });

  it.each([
    ['home', 'home.gscip'],
    ['Müller & Co.', 'muller-co.gscip'],
    ['my.lab', 'my-lab.gscip'],
    ['日本', 'network.gscip'],
    ['x'.repeat(70), `${'x'.repeat(63)}.gscip`],
  ])('the network %j has the domain %s', (network, domain) => {
    expect(networkDomain(network)).toBe(domain);
  });

  it('that two others claim lead nowhere, and that others claim of this node lead to this node', () => {
    const members = [member('alice', 1), member('Bob', 2), member('bob', 3), member('ALICE', 4), member('my_host', 5)];
    const found = new NameTable('home', POOL, members);
    expect(found.hosts.map(({ label }) => label)).toEqual(['alice']);
    expect(ask('alice.home.gscip', 'a', found)).toEqual(['noError', '100.64.0.1']);
    expect(ask('bob.home.gscip', 'a', found)).toEqual(['nxDomain']);
    expect(found.unnamed).toEqual([
      { name: 'my_host', why: 'no-label' },
      { name: 'ALICE', why: 'twice' },
      { name: 'Bob', why: 'twice' },
      { name: 'bob', why: 'twice' },
    ]);
  });
});

describe('reverse zones', () => {
  it.each([
    ['10.0.0.0/8', ['10.in-addr.arpa']],
    ['10.1.2.0/23', ['2.1.10.in-addr.arpa', '3.1.10.in-addr.arpa']],
    ['10.1.2.4/32', ['4.2.1.10.in-addr.arpa']],
    ['fd12:3456:789a::/48', ['a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa']],
    [
      'fd12:3400::/22',
      ['4.3.2.1.d.f.ip6.arpa', '5.3.2.1.d.f.ip6.arpa', '6.3.2.1.d.f.ip6.arpa', '7.3.2.1.d.f.ip6.arpa'],
    ],
    ['0.0.0.0/0', []],
  ])('cover %s: %j', (range, zones) => {
    expect(reverseZones(parsePrefix(range))).toEqual(zones);
  });

  it('of the usual pool are the 64 octets of 100.64.0.0/10', () => {
    const zones = reverseZones(parsePrefix('100.64.0.0/10'));
    expect([zones.length, zones[0], zones[63]]).toEqual([64, '64.100.in-addr.arpa', '127.100.in-addr.arpa']);
  });
});
