import { describe, expect, it } from 'vitest';
import { type SubnetFacts, servedSubnets } from '../../../src/node/gateway/subnets.ts';
import { formatPrefix, parsePrefix } from '../../../src/tun/prefix.ts';

const used = (text: string, by: string, connected = true) => ({ prefix: parsePrefix(text), by, connected });

/** A GEN with one network behind `lan`, as certificate and roster have it. */
function facts(more: Partial<SubnetFacts> = {}): SubnetFacts {
  return {
    certified: [parsePrefix('10.1.0.0/24')],
    listed: [parsePrefix('10.1.0.0/24')],
    moreRoutes: false,
    overlay: [parsePrefix('100.64.0.0/10')],
    others: [],
    used: [used('10.1.0.0/24', 'lan'), used('10.99.0.0/24', 'wan'), used('127.0.0.0/8', 'lo')],
    ...more,
  };
}

function judged(more: Partial<SubnetFacts>) {
  const { served, health } = servedSubnets(facts(more));
  return {
    served: served.map(({ prefix, inside }) => `${formatPrefix(prefix)} ${inside.join('+')}`),
    health: health.map(({ code }) => code),
  };
}

describe('the networks behind a GEN', () => {
  it.each<[string, Partial<SubnetFacts>, string[], string[]]>([
    ['are those that certificate and roster agree about', {}, ['10.1.0.0/24 lan'], []],
    [
      'are not those of the roster alone',
      { listed: [parsePrefix('10.1.0.0/24'), parsePrefix('10.7.0.0/24')] },
      ['10.1.0.0/24 lan'],
      ['gateway-subnet-not-certified'],
    ],
    [
      'are those of the roster where the certificate has no room',
      { listed: [parsePrefix('10.1.0.0/24'), parsePrefix('10.99.0.0/24')], moreRoutes: true },
      ['10.1.0.0/24 lan', '10.99.0.0/24 wan'],
      [],
    ],
    ['are not those of the certificate alone', { listed: [] }, [], ['gateway-subnet-not-listed']],
    [
      'do not overlap the overlay',
      { certified: [parsePrefix('100.64.9.0/24')], listed: [parsePrefix('100.64.9.0/24')] },
      [],
      ['gateway-subnet-in-overlay'],
    ],
    [
      'are served although another GEN has one of them, too',
      { others: [{ name: 'gb', route: parsePrefix('10.1.0.0/24') }] },
      ['10.1.0.0/24 lan'],
      ['gateway-subnet-shared'],
    ],
    [
      'are not shared with who has a part of one',
      { others: [{ name: 'gb', route: parsePrefix('10.1.0.0/25') }] },
      ['10.1.0.0/24 lan'],
      [],
    ],
    ['want an interface', { used: [used('10.99.0.0/24', 'wan')] }, ['10.1.0.0/24 '], ['gateway-no-inside']],
    [
      'may lie behind several interfaces',
      { used: [used('10.1.0.0/25', 'lan1'), used('10.1.0.128/25', 'lan2', false), used('10.0.0.0/8', 'wan')] },
      ['10.1.0.0/24 lan1+lan2'],
      [],
    ],
    [
      'lie behind the longest route over them',
      { used: [used('10.0.0.0/8', 'wan', false), used('10.1.0.0/16', 'lan', false)] },
      ['10.1.0.0/24 lan'],
      [],
    ],
  ])('%s', (_, more, served, health) => {
    expect(judged(more)).toEqual({ served, health });
  });
});
