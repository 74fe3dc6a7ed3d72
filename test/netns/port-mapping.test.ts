import { describe, expect, it } from 'vitest';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { NAT_BEHAVIOURS } from '../../src/cli/lab/nat-box.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { drop } from '../../src/cli/lab/traffic-rules.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type MappingProtocols, startMappings } from './nat/mapping-router.ts';
import { NatWorld, type Site } from './nat/sites.ts';

const PORT = 47247;

/** Has its port mapped at the router of its network, says what becomes of that, and echoes what arrives there. */
const MAP = `const [src, port] = process.argv.slice(1);
  const say = (...words) => console.log(...words);
  const socket = require('dgram').createSocket('udp4');
  socket.on('message', (m, { address, port }) => socket.send(m, port, address));
  Promise.all(['node/port-mapping', 'node/network-watch', 'node/network-view'].map((file) => import(src + file + '.ts'))).then(
    ([{ PortMapping }, { NetworkWatch }, { mapperPlace }]) => {
      const log = { log: (level, event, fields) => say(event, JSON.stringify(fields)) };
      const mapping = new PortMapping({ random: (n) => new Uint8Array(n).fill(7), log, changed: (external) => say('at', external), count: (name) => say('counter', name) });
      const watch = new NetworkWatch({ tun: 'gscip0', changed: (view) => mapping.setPlace(mapperPlace(view, Number(port))) });
      process.on('SIGTERM', () => mapping.stop().then(() => process.exit(0)));
      socket.bind(Number(port), () => say('ready'));
    })`;

/** Sends three datagrams, and prints the first answer, or nothing within a second. */
const ASK = `const [to, port] = process.argv.slice(1); const s = require('dgram').createSocket('udp4');
  s.once('message', (m) => { console.log(String(m)); process.exit(0); });
  for (let i = 0; i < 3; i++) s.send('hello', Number(port), to);
  setTimeout(() => process.exit(0), 1000);`;

async function startMapping({ host }: Site): Promise<LabProcess> {
  const process = host.start([pinnedNode(), '-e', MAP, `${PROJECT}src/`, `${PORT}`]);
  await until('the socket', () => process.stdout().includes('ready'));
  return process;
}

const said = (process: LabProcess, what: string | RegExp, seconds = 30) =>
  until(
    () => `${what}; it said\n${process.stdout()}${process.stderr()}`,
    () => process.stdout().match(what) ?? false,
    { seconds },
  );

/** Does a stranger on the Internet reach this port? */
async function isReached(from: Namespace, to: string, port = PORT): Promise<boolean> {
  return (await from.run([pinnedNode(), '-e', ASK, to, `${port}`])).includes('hello');
}

function routerOf({ router }: Site): Namespace {
  if (!router) throw new Error('no router');
  return router;
}

/** A host behind a NAT that lets nobody in, whose router maps ports. */
async function behindRouter(lab: Lab, protocols: MappingProtocols = {}) {
  const world = await NatWorld.lay(lab);
  const site = await world.behind(NAT_BEHAVIOURS['port-restricted'], 1);
  const daemon = await startMappings(lab, routerOf(site), protocols);
  return { world, site, daemon };
}

describe.concurrent('a node behind a router that maps ports', () => {
  it.each([
    ['pcp', {}, 1],
    ['upnp', { natPmp: false }, 1],
    ['nat-pmp', {}, 2],
  ] as const)(
    'is reached from outside by a mapping that it got by %s, and gives it back',
    (by, protocols, fromVersion) =>
      withLab(async (lab) => {
        const { world, site } = await behindRouter(lab, protocols);
        // a router that does not know PCP and does not say so
        if (fromVersion === 2) drop(routerOf(site), { hook: 'input', match: 'udp dport 5351 @th,64,8 2' });
        expect(await isReached(world.server, site.outer)).toBe(false);
        const mapping = await startMapping(site);
        await said(mapping, `at ${site.outer}:${PORT}`);
        expect(mapping.stdout()).toContain(`"by":"${by}"`);
        expect(await isReached(world.server, site.outer)).toBe(true);
        await mapping.stop();
        const again = await site.host.start([pinnedNode(), '-e', ECHO]);
        await until('the echo', () => again.stdout().includes('ready'));
        expect(await isReached(world.server, site.outer)).toBe(false);
      }),
    60_000,
  );

  it(
    'has it again after the router started again',
    () =>
      withLab(async (lab) => {
        const { world, site, daemon } = await behindRouter(lab);
        const mapping = await startMapping(site);
        await said(mapping, `at ${site.outer}:${PORT}`);
        await daemon.stop();
        routerOf(site).now('nft', ['delete', 'table', 'inet', 'filter']);
        expect(await isReached(world.server, site.outer)).toBe(false);
        await startMappings(lab, routerOf(site));
        await until('the mapping to be back', () => isReached(world.server, site.outer), { seconds: 20 });
      }),
    60_000,
  );

  it(
    'takes no mapping that ends at another NAT',
    () =>
      withLab(async (lab) => {
        const world = await NatWorld.lay(lab);
        const site = await world.site('double NAT', 1);
        await startMappings(lab, routerOf(site));
        const mapping = await startMapping(site);
        await said(mapping, /counter (mapping-private|upnp-\S+)/);
        expect(mapping.stdout()).not.toContain('at ');
      }),
    60_000,
  );

  it(
    'has two of one LAN at two ports',
    () =>
      withLab(async (lab) => {
        const world = await NatWorld.lay(lab);
        const sites = world.neighbours(NAT_BEHAVIOURS['port-restricted'], 1, 2);
        for (const { router } of sites.slice(0, 1)) if (router) await startMappings(lab, router);
        for (const site of sites) {
          const mapping = await startMapping(site);
          const [, port] = await said(mapping, new RegExp(`at ${site.outer}:(\\d+)`));
          expect(await isReached(world.server, site.outer, Number(port))).toBe(true);
        }
      }),
    60_000,
  );
});

const ECHO = `const socket = require('dgram').createSocket('udp4');
  socket.on('message', (m, { address, port }) => socket.send(m, port, address));
  socket.bind(${PORT}, () => console.log('ready'));`;
