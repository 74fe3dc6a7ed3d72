import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab, withLab } from '../../../src/cli/lab/lab.ts';
import { NAT_BEHAVIOURS, type NatBehaviour } from '../../../src/cli/lab/nat-box.ts';
import { pinnedNode } from '../../../src/cli/lab/pinned-node.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { startMappings } from './mapping-router.ts';
import { type Probed, probe, startAnswering } from './probed.ts';
import { NatWorld, type Place, SERVER, type Site } from './sites.ts';

/** Runs `body` in a world with the prober's answering side. */
function withWorld(body: (world: NatWorld, lab: Lab) => Promise<void>): Promise<void> {
  return withLab(async (lab) => {
    const world = await NatWorld.lay(lab);
    await startAnswering(world.server);
    await body(world, lab);
  });
}

function brief({ mapping, filtering }: Probed): string {
  return `${mapping}/${filtering}`;
}

const KINDS: readonly (readonly [Place, string, boolean])[] = [
  ['open', 'endpoint/endpoint', false],
  ['full cone', 'endpoint/endpoint', true],
  ['address-restricted', 'endpoint/address', true],
  ['port-restricted', 'endpoint/port', true],
  ['symmetric', 'port/port', true],
  ['double NAT', 'endpoint/port', true],
  ['symmetric carrier', 'port/port', true],
  ['UDP blocked', 'unknown/unknown', false],
];

describe('what the prober finds on the wire', () => {
  const lab = new Lab();
  const found = new Map<Place, readonly [Site, Probed]>();
  beforeAll(async () => {
    const world = await NatWorld.lay(lab);
    await startAnswering(world.server);
    const sites = await Promise.all(KINDS.map(([place], at) => world.site(place, at + 1)));
    const probed = await Promise.all(sites.map((site) => probe(site.host)));
    KINDS.forEach(([place], at) => {
      const [site, each] = [sites[at], probed[at]];
      if (site && each) found.set(place, [site, each]);
    });
  });
  afterAll(() => lab.close());

  it.each(KINDS)('of %s is %s', (place, kind, translated) => {
    const [site, probed] = found.get(place) ?? [];
    expect(probed).toMatchObject({ translated, reached: place !== 'UDP blocked' });
    expect(probed && brief(probed)).toBe(kind);
    if (probed?.reached) expect(probed.outer).toBe(site?.outer);
    if (translated) expect(probed?.hairpin).toBe('none');
  });
});

describe('a NAT of the kit', () => {
  it.each<[string, NatBehaviour]>([
    ['that lets in all', { ...NAT_BEHAVIOURS['full cone'], hairpin: true }],
    ['that filters by port', { ...NAT_BEHAVIOURS['port-restricted'], hairpin: true }],
  ])('%s hairpins when it is to', (_, behaviour) =>
    withWorld(async (world) => {
      const { host } = await world.behind(behaviour, 1);
      expect((await probe(host)).hairpin).toBe('from the outer address');
    }));

  it.each([
    [true, 'from the outer address'],
    [false, 'none'],
  ])('of a carrier, which hairpins: %s, behind which a home lets in all, brings back to it: %s', (hairpin, found) =>
    withWorld(async (world) => {
      const carrier = { ...NAT_BEHAVIOURS['port-restricted'], hairpin };
      const [site] = world.homes(carrier, NAT_BEHAVIOURS['full cone'], 10, 1);
      const probed = site && (await probe(site.host));
      expect(probed && brief(probed)).toBe('endpoint/port');
      expect(probed).toMatchObject({ outer: site?.outer, hairpin: found });
    }));

  it('gives two hosts with the same inside port two outer ones, each for all destinations', () =>
    withWorld(async (world) => {
      const hosts = world.neighbours(NAT_BEHAVIOURS['full cone'], 1, 2);
      const found = await Promise.all(hosts.map(({ host }) => probe(host, 4_000)));
      expect(found.map(brief)).toEqual(['endpoint/endpoint', 'endpoint/endpoint']);
      expect(found[0]?.outerPort).not.toBe(found[1]?.outerPort);
    }));

  it.each([
    [1, false],
    [120, true],
  ])('with mappings that live %i s has the same one after two seconds: %s', (life, same) =>
    withWorld(async (world) => {
      const { host } = await world.behind({ ...NAT_BEHAVIOURS['full cone'], life }, 1);
      const { outerPort } = await probe(host, 4_000);
      await pause(2_000);
      expect((await probe(host, 4_000)).outerPort === outerPort).toBe(same);
    }));

  it('that blocks UDP lets TCP through', () =>
    withWorld(async (world) => {
      const { host } = await world.site('UDP blocked', 1);
      const listener = `require('net').createServer((s) => s.end('hello')).listen(7400, () => console.log('ready'))`;
      const server = world.server.start([pinnedNode(), '-e', listener]);
      await until('the listener', () => server.stdout().includes('ready'));
      expect(await host.run(['bash', '-c', `exec 3<>/dev/tcp/${SERVER.first}/7400; cat <&3`])).toBe('hello');
    }));

  it('is not passed by hosts that have IPv6 only: they reach the server, and nobody of IPv4', () =>
    withWorld(async (world) => {
      const { host } = await world.site('IPv6 only', 1);
      expect(await host.run(['ping', '-c1', '-W2', SERVER.six])).toContain('1 received');
      expect((await host.attempt(['ping', '-c1', '-W1', SERVER.first])).code).not.toBe(0);
    }));

  it('opens a port when it is asked by NAT-PMP, and is found by UPnP', () =>
    withWorld(async (world, lab) => {
      const { host, router, outer } = await world.site('symmetric', 1);
      if (!router) throw new Error('no router');
      await startMappings(lab, router);
      const asking = host.start([pinnedNode(), '-e', MAP]);
      const port = await until('a mapping', () => /mapped (\d+)/.exec(asking.stdout())?.[1]);
      world.server.now('bash', ['-c', `echo hello > /dev/udp/${outer}/${port}`]);
      await until('what was sent to it', () => asking.stdout().includes('hello'));
      await until('a description', () => /LOCATION: http:\/\/192\.168\.1\.1:\d+/.test(asking.stdout()));
    }));
});

/** Maps port 4000 for an hour, looks for a gateway, and prints all that arrives. */
const MAP = `const s = require('dgram').createSocket('udp4');
  s.on('message', (m, r) => { console.log(r.port === 5351 ? 'mapped ' + m.readUInt16BE(10) : String(m)); });
  s.bind(4000, () => {
    s.send(Buffer.from('000100000fa0000000000e10', 'hex'), 5351, '192.168.1.1');
    s.send(['M-SEARCH * HTTP/1.1', 'HOST: 239.255.255.250:1900', 'MAN: "ssdp:discover"', 'MX: 1',
      'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1', '', ''].join('\\r\\n'), 1900, '239.255.255.250');
  });`;
