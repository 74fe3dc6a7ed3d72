import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/base/ip-address.ts';
import { hostAddresses } from '../../src/node/host-addresses.ts';
import {
  bestFirst,
  gatewaysOf,
  type NetworkView,
  networkName,
  parseWayOut,
  viewName,
} from '../../src/node/network-view.ts';

function info(cidr: string, internal = false): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/');
  const common = { address, netmask: '', mac: '', internal, cidr };
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' };
}

const INET6 = [
  '20010db8000000000000000000000001 02 40 00 80     eth0',
  '20010db8000000000000000000000002 02 40 00 20     eth0', // deprecated
  '20010db8000000000000000000000003 02 40 00 40     eth0', // tentative
  '20010db8000000000000000000000004 02 40 00 08     eth0', // somebody else has it
  '',
].join('\n');

const interfaces = {
  lo: [info('127.0.0.1/8', true), info('::1/128', true)],
  docker0: [info('172.17.0.1/16')],
  eth0: [
    info('192.0.2.1/24'),
    info('169.254.0.9/16'),
    ...[1, 2, 3, 4].map((last) => info(`2001:db8::${last}/64`)),
    info('fe80::1/64'),
  ],
  gscip0: [info('100.64.0.1/32')],
};

const view = (more: Partial<NetworkView> = {}): NetworkView => ({
  addresses: hostAddresses('gscip0', { interfaces, inet6: INET6 }),
  out4: undefined,
  out6: undefined,
  ...more,
});

describe('the addresses of a machine', () => {
  it('are those that others may reach, with their prefixes', () => {
    const found = view().addresses.map(({ device, address, length }) => [device, formatAddress(address), length]);
    expect(found).toEqual([
      ['docker0', '172.17.0.1', 16],
      ['eth0', '192.0.2.1', 24],
      ['eth0', '2001:db8::1', 64],
    ]);
  });

  it('are told in the order in which datagrams leave from them', () => {
    const texts = (more: Partial<NetworkView>) => bestFirst(view(more)).map(({ address }) => formatAddress(address));
    const out4 = parseWayOut([{ dev: 'eth0', gateway: '192.0.2.254', prefsrc: '192.0.2.1' }], 'gscip0');
    expect(texts({ out4 })).toEqual(['192.0.2.1', '172.17.0.1', '2001:db8::1']);
    const out6 = parseWayOut([{ dev: 'eth0', gateway: 'fe80::2', prefsrc: '2001:db8::1' }], 'gscip0');
    expect(texts({ out6 })).toEqual(['2001:db8::1', '172.17.0.1', '192.0.2.1']);
  });
});

describe('the gateways that may be GENs', () => {
  it.each([
    ['192.0.2.254', '2001:db8::9', ['192.0.2.254:47247', '[2001:db8::9]:47247']],
    ['192.0.2.254', 'fe80::2', ['192.0.2.254:47247']],
    [undefined, 'fe80::2', []],
    [undefined, undefined, []],
  ])('%s and %s: %j are asked', (four, six, asked) => {
    const way = (gateway: string | undefined) =>
      gateway === undefined ? undefined : parseWayOut([{ dev: 'eth0', gateway, prefsrc: '192.0.2.1' }], 'gscip0');
    expect(gatewaysOf(view({ out4: way(four), out6: way(six) }))).toEqual(asked);
  });
});

describe('the way out', () => {
  it.each([
    ['a gateway', [{ dev: 'eth0', gateway: '192.0.2.254', prefsrc: '192.0.2.1' }], '192.0.2.254'],
    ['no gateway', [{ dev: 'ppp0', prefsrc: '192.0.2.1' }], 'none'],
    ['a gateway of the other family', [{ dev: 'eth0', via: { family: 'inet6', host: 'fe80::1' } }], 'none'],
  ])('by %s', (_name, rows, gateway) => {
    const found = parseWayOut(rows, 'gscip0');
    expect(found?.gateway ? formatAddress(found.gateway) : 'none').toBe(gateway);
  });

  it.each([
    ['the overlay itself', [{ dev: 'gscip0', prefsrc: '100.64.0.1' }]],
    ['this machine', [{ dev: 'lo' }]],
    ['nothing', []],
    ['what is no route', [{ type: 'unreachable' }]],
  ])('is none by %s', (_name, rows) => expect(parseWayOut(rows, 'gscip0')).toBeUndefined());
});

describe('another network', () => {
  const out4 = parseWayOut([{ dev: 'eth0', gateway: '192.0.2.254', prefsrc: '192.0.2.1' }], 'gscip0');
  const without = { addresses: view().addresses.slice(1) };

  it('is not made by an address that no way out uses, as a bridge for containers has', () => {
    expect(networkName(view({ out4, ...without }))).toBe(networkName(view({ out4 })));
  });

  it('is made by another way out, and without any by other addresses', () => {
    expect(networkName(view())).not.toBe(networkName(view({ out4 })));
    expect(networkName(view(without))).not.toBe(networkName(view()));
  });
});

describe('the name of a view', () => {
  it('is the same for the same network, in whatever order it is listed', () => {
    expect(viewName({ ...view(), addresses: view().addresses.toReversed() })).toBe(viewName(view()));
  });

  const way = { dev: 'eth0', gateway: '192.0.2.254', prefsrc: '192.0.2.1' };
  it.each([
    ['an address', { addresses: view().addresses.slice(1) }],
    ['the gateway', { out4: parseWayOut([{ ...way, gateway: '192.0.2.253' }], 'gscip0') }],
    ['the source', { out4: parseWayOut([{ ...way, prefsrc: '192.0.2.2' }], 'gscip0') }],
    ['the device', { out4: parseWayOut([{ ...way, dev: 'eth1' }], 'gscip0') }],
    ['the way itself', {}],
  ])('is another when %s changed', (_name, more) => {
    const out4 = parseWayOut([way], 'gscip0');
    expect(viewName(view(more))).not.toBe(viewName(view({ out4 })));
  });
});
