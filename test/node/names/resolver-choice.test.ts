import { describe, expect, it } from 'vitest';
import { machinePlace, type PlaceFacts } from '../../../src/node/names/machine-place.ts';
import { type ResolverFacts, resolverModes } from '../../../src/node/names/resolver-choice.ts';

const STUB = '# by systemd-resolved\nnameserver 127.0.0.53\noptions edns0\n';
const PLAIN = 'search example.com\nnameserver 192.0.2.53\n';
const BARE: ResolverFacts = {
  place: 'machine',
  resolvConf: PLAIN,
  nsswitch: 'passwd: files\nhosts: files dns\n',
  resolvconfSettings: undefined,
  hasResolved: false,
  hasResolvconf: false,
};
const SPLIT = { hasResolvconf: true, resolvConf: 'nameserver 127.0.0.1\n' } as const;

describe('the way to tell a machine of names', () => {
  it.each<[string, Partial<ResolverFacts>, readonly string[]]>([
    ['no resolver of its own', {}, ['hosts']],
    ['no files at all', { resolvConf: undefined, nsswitch: undefined }, ['hosts']],
    ['systemd-resolved, asked by its stub', { hasResolved: true, resolvConf: STUB }, ['resolved', 'hosts']],
    [
      'systemd-resolved, asked by its library',
      { hasResolved: true, nsswitch: 'hosts: files resolve [!UNAVAIL=return] dns\n' },
      ['resolved', 'hosts'],
    ],
    ['systemd-resolved, which nobody asks: another VPN has the file', { hasResolved: true }, ['hosts']],
    ['a stub that is not running', { resolvConf: STUB }, ['hosts']],
    ['resolvconf that sends everything to every server', { hasResolvconf: true }, ['hosts']],
    [
      'openresolv without a local resolver',
      { ...SPLIT, resolvconfSettings: 'resolv_conf=/etc/resolv.conf\n' },
      ['hosts'],
    ],
    ['openresolv with a commented one', { ...SPLIT, resolvconfSettings: '#dnsmasq_conf=/etc/d\n' }, ['hosts']],
    ['openresolv with dnsmasq', { ...SPLIT, resolvconfSettings: 'dnsmasq_conf=/etc/d\n' }, ['resolvconf', 'hosts']],
    [
      'openresolv with dnsmasq that nobody asks',
      { ...SPLIT, resolvConf: PLAIN, resolvconfSettings: 'dnsmasq_conf=/etc/d\n' },
      ['hosts'],
    ],
    ['a network and files of its own', { hasResolved: true, resolvConf: STUB, place: 'own-files' }, ['hosts']],
    ['a network of its own and the files of others', { hasResolved: true, resolvConf: STUB, place: 'apart' }, []],
  ])('with %s is %j', (_, facts, modes) => {
    expect(resolverModes({ ...BARE, ...facts })).toEqual(modes);
  });
});

const APART: PlaceFacts = {
  isFirst: false,
  own: 'net:[2]',
  first: 'net:[1]',
  ownHosts: '1:5',
  firstHosts: '1:5',
  isService: false,
  isMounted: false,
};
const UNSEEN = { first: undefined, firstHosts: undefined } as const;

describe('a node', () => {
  it.each<[string, Partial<PlaceFacts>, string]>([
    ['in the first network of the kernel', { isFirst: true }, 'machine'],
    ["in a container's only network", { own: 'net:[1]' }, 'machine'],
    ['in a network of its own', {}, 'apart'],
    ['in one whose hosts file is mounted for everybody', { isMounted: true }, 'apart'],
    ['in one with its own hosts file', { ownHosts: '1:6' }, 'own-files'],
    ['in a network that is not to be told', UNSEEN, 'apart'],
    ['in such a one as a service of a container', { ...UNSEEN, isService: true }, 'machine'],
    ['in such a one with a hosts file of its own', { ...UNSEEN, isMounted: true }, 'own-files'],
    ['as a service in a network of its own', { isService: true }, 'apart'],
  ])('%s is %3$s', (_, facts, place) => {
    expect(machinePlace({ ...APART, ...facts })).toBe(place);
  });
});
