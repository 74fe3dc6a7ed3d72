import { describe, expect, it } from 'vitest';
import { padAddress } from '../../src/base/ip-address.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { RosterRoutes, type RouteTable } from '../../src/node/roster-routes.ts';
import { formatPrefix, type Prefix, parsePrefix, samePrefix } from '../../src/tun/prefix.ts';
import type { UsedRange } from '../../src/tun/route-choice.ts';
import { World } from './world.ts';

/** A routing table in memory. */
class Table implements RouteTable {
  routes: readonly Prefix[] = [];
  inTheWay: UsedRange[] = [];
  changes = 0;
  /** what overlay addresses answer by the overlay, and how often that was set */
  answered: readonly string[] = [];
  answers = 0;
  looks = 0;

  connect(network: string): void {
    this.inTheWay.push({ prefix: parsePrefix(network), by: 'wlan0', connected: true });
  }

  used() {
    return Promise.resolve(this.inTheWay);
  }

  present() {
    this.looks++;
    return Promise.resolve(this.routes);
  }

  change(added: readonly Prefix[], removed: readonly Prefix[]) {
    this.changes += added.length + removed.length;
    this.routes = [...this.routes.filter((each) => !removed.some((other) => samePrefix(each, other))), ...added];
    return Promise.resolve();
  }

  answer(addresses: readonly string[], ranges: readonly Prefix[]) {
    this.answers++;
    this.answered = ranges.length === 0 ? [] : [...addresses, ...ranges.map(formatPrefix)];
    return Promise.resolve();
  }

  networks() {
    return `${this.inTheWay.length}`;
  }

  routers() {
    return Promise.resolve([parsePrefix('192.168.7.1')]);
  }
}

/** A node whose network has a gateway with two networks behind it. */
function meeting(home: readonly string[] = []) {
  const world = new World('routes');
  world.authority.group('office');
  world.authority.add('a', ['office']);
  world.authority.add('gate', ['office'], ['10.9.0.0/16', '192.168.7.0/24']);
  world.authority.add('c', ['office']);
  const a = world.node('a', '10.0.0.1:47247');
  const table = new Table();
  const lines: unknown[] = [];
  const log = { log: (_level: string, event: string, fields: object) => lines.push({ event, ...fields }) };
  let changes = 0;
  const settings = { changed: () => Promise.resolve(void changes++), home: () => home.map(parsePrefix) };
  const routes = new RosterRoutes(a.engine.node, table, log, settings);
  const { node } = a.engine;
  const gate = node.directory.find('gate');
  if (!gate) throw new Error('no gate');
  const strange = () => routes.strange.ranges.map(formatPrefix);
  const lan = (text: string) => node.home.lanOf(padAddress(parsePrefix(text).address));
  return {
    world,
    a,
    gate,
    node,
    strange,
    lan,
    changed: () => changes,
    table,
    routes,
    lines,
    shown: () => table.routes.map(formatPrefix).sort(),
  };
}

const BOTH = ['10.9.0.0/16', '192.168.7.0/24'];

describe('the routes that rosters bring', () => {
  it('C1: are those to the networks of all other members, and only once', async () => {
    const { routes, shown, table } = meeting();
    await routes.follow();
    expect(shown()).toEqual(BOTH);
    await Promise.all([routes.follow(), routes.follow()]);
    expect(table.changes).toBe(2);
    expect(routes.health()).toEqual([]);
  });

  it('are not looked at again when a key rolled and nothing else, for a minute', async () => {
    const { routes, table } = meeting();
    await routes.follow();
    const { looks } = table;
    await routes.follow();
    await routes.follow();
    expect(table.looks).toBe(looks);
    routes.tick(60_000);
    await routes.follow();
    expect(table.looks).toBe(looks + 1);
    table.connect('172.20.0.0/16');
    routes.tick(62_000);
    await routes.follow();
    expect(table.looks).toBe(looks + 2);
  });

  it('go when their member is removed, by a bundle or by a signed REMOVE', async () => {
    const { world, a, routes, shown } = meeting();
    await routes.follow();
    world.authority.remove('gate');
    const entry = world.authority.bundle('a').groups[0].roster.entries.at(-1);
    const [group] = a.keys.groups();
    expect(entry && a.keys.signedRemove(group.id, entry)).toBeDefined();
    await routes.follow();
    expect(shown()).toEqual([]);
  });

  it('C1: never take a network that the machine is connected to, and health and log say so, once', async () => {
    const { routes, table, shown, lines } = meeting();
    table.connect('192.168.0.0/16');
    await routes.follow();
    await routes.follow();
    expect(shown()).toEqual(['10.9.0.0/16']);
    expect(routes.health().map(({ code }) => code)).toEqual(['lan-not-proved']);
    expect(lines).toEqual([expect.objectContaining({ event: 'lan-not-proved', route: '192.168.7.0/24' })]);
  });

  it('C1: give way to a network that the machine joins later, and come back when it leaves', async () => {
    const { routes, table, shown } = meeting();
    await routes.follow();
    table.connect('192.168.7.0/24');
    routes.tick(10_000);
    await routes.follow();
    expect(shown()).toEqual(['10.9.0.0/16']);
    table.inTheWay = [];
    routes.tick(20_000);
    await routes.follow();
    expect(shown()).toEqual(BOTH);
  });

  it('C1: hold a connected network with the same addresses for a strange one, in which only its routers are spoken to', async () => {
    const { routes, table, strange, lan, changed } = meeting();
    table.connect('192.168.7.0/24');
    await routes.follow();
    expect([strange(), routes.strange.routers.map(formatPrefix)]).toEqual([['192.168.7.0/24'], ['192.168.7.1/32']]);
    expect([lan('192.168.7.20'), lan('10.9.0.1')]).toEqual(['strange', undefined]);
    expect(routes.health()[0].text).toMatch(
      /^192\.168\.7\.0\/24 is behind gate, and .* gscip up --home 192\.168\.7\.0\/24$/,
    );
    expect(changed()).toBe(1);
    await routes.follow();
    expect(changed()).toBe(1);
  });

  it('C1: are at home in it once its router has proved to be the GEN that it is given to, until that is doubted', async () => {
    const { routes, table, strange, lan, node, gate, lines, shown } = meeting();
    table.connect('192.168.7.0/24');
    routes.tick(0);
    await routes.follow();
    node.home.prove(gate.id, pathAddress('192.168.7.1:47247'));
    routes.tick(1);
    await routes.follow();
    expect([strange(), lan('192.168.7.20'), shown()]).toEqual([[], 'home', ['10.9.0.0/16']]);
    expect(routes.health()).toEqual([]);
    expect(lines.at(-1)).toMatchObject({ event: 'lan-proved', route: '192.168.7.0/24' });
    // the router goes on proving it, which is no news
    node.home.prove(gate.id, pathAddress('192.168.7.1:47247'));
    node.home.doubt();
    routes.tick(1);
    await routes.follow();
    expect([strange(), lan('192.168.7.20')]).toEqual([['192.168.7.0/24'], 'strange']);
  });

  it('C1: leave out a connected network, of which overlay addresses answer by the overlay, at home or not, until it is left', async () => {
    const { routes, table, node, gate } = meeting();
    await routes.follow();
    expect(table.answers).toBe(0);
    table.connect('192.168.7.0/24');
    const answered = [...node.keys.self().addresses, '192.168.7.0/24'];
    routes.tick(10_000);
    await routes.follow();
    expect(table.answered).toEqual(answered);
    node.home.prove(gate.id, pathAddress('192.168.7.1:47247'));
    routes.tick(10_001);
    await routes.follow();
    expect([table.answered, table.answers]).toEqual([answered, 1]);
    table.inTheWay = [];
    routes.tick(20_000);
    await routes.follow();
    expect([table.answered, table.answers]).toEqual([[], 2]);
    await routes.close();
    expect(table.answers).toBe(2);
  });

  it('doubt every proof when the networks are others, also where the addresses are the same', async () => {
    const { routes, table, strange, node, gate } = meeting();
    table.connect('192.168.7.0/24');
    routes.tick(0);
    node.home.prove(gate.id, pathAddress('192.168.7.1:47247'));
    routes.tick(1);
    await routes.follow();
    expect(strange()).toEqual([]);
    table.connect('172.16.0.0/24');
    routes.tick(10_000);
    await routes.follow();
    expect([node.home.router, strange()]).toEqual([undefined, ['192.168.7.0/24']]);
  });

  it('C1: take no proof of another member, nor one that came by another link', async () => {
    const { routes, table, strange, node, gate, world } = meeting();
    table.connect('192.168.7.0/24');
    table.inTheWay.push({ prefix: parsePrefix('172.16.0.0/24'), by: 'eth0', connected: true });
    routes.tick(0);
    const c = world.authority.bundle('a').groups[0].roster.members;
    const other = [...c.keys()].find((id) => id !== gate.id && id !== node.keys.self().id);
    if (!other) throw new Error('no other member');
    for (const [who, where] of [
      [other, '192.168.7.1:47247'],
      [gate.id, '172.16.0.1:47247'],
    ] as const) {
      node.home.prove(who, pathAddress(where));
      routes.tick(1);
      await routes.follow();
      expect(strange(), where).toEqual(['192.168.7.0/24']);
    }
  });

  it('are at home where the administrator of the machine says so', async () => {
    const { routes, table, strange, lan } = meeting(['192.168.7.0/24']);
    table.connect('192.168.7.0/24');
    await routes.follow();
    expect([strange(), lan('192.168.7.20'), routes.health()]).toEqual([[], 'home', []]);
  });

  it('look at the networks by themselves, every two seconds', async () => {
    const { routes, table, shown } = meeting();
    await routes.follow();
    routes.tick(10_000);
    table.connect('192.168.7.0/24');
    routes.tick(11_999);
    await new Promise(setImmediate);
    expect(shown()).toEqual(BOTH);
    routes.tick(12_000);
    await new Promise(setImmediate);
    expect(shown()).toEqual(['10.9.0.0/16']);
  });

  it('are not those in which a peer has its endpoint', async () => {
    const { a, routes, shown } = meeting();
    const gate = a.engine.node.directory.find('gate');
    if (!gate) throw new Error('no gate');
    a.engine.node.paths.hint(gate.id, pathAddress('10.9.0.1:47247'));
    await routes.follow();
    expect(shown()).toEqual(['192.168.7.0/24']);
    expect(routes.strange.ranges.map(formatPrefix)).toEqual(['10.9.0.0/16']);
  });

  it('C1: are never less than was held back before: who says where a peer is makes no network clear', async () => {
    const { world, a, table, gate, shown } = meeting();
    const held: string[][] = [];
    const changed = () => {
      // the kernel's guard is there before a route goes
      held.push([...routes.taken, ...routes.strange.ranges].map(formatPrefix).sort());
      return Promise.resolve();
    };
    const routes: RosterRoutes = new RosterRoutes(a.engine.node, table, { log: () => undefined }, { changed });
    await routes.follow();
    a.engine.handleEndpoints(gate.id, [pathAddress('10.9.0.1:47247')]);
    await routes.follow();
    expect(shown()).toEqual(['192.168.7.0/24']);
    world.authority.remove('gate');
    const entry = world.authority.bundle('a').groups[0].roster.entries.at(-1);
    expect(entry && a.keys.signedRemove(a.keys.groups()[0].id, entry)).toBeDefined();
    await routes.follow();
    expect(held).toEqual([BOTH, BOTH, []]);
    expect(shown()).toEqual([]);
  });

  it('are shown as not taken when the kernel refuses them', async () => {
    const { routes, table } = meeting();
    table.change = () => Promise.resolve();
    await routes.follow();
    expect(routes.health().map(({ text }) => text.split(' ')[0])).toEqual(BOTH);
    table.change = () => Promise.reject(new Error('no ip'));
    await routes.follow();
    expect(routes.health().map(({ text }) => text.split(': ')[1])).toEqual(['no ip', 'no ip']);
  });

  it('are left alone once the agent ends', async () => {
    const { routes, table } = meeting();
    routes.close();
    await routes.follow();
    expect(table.changes).toBe(0);
  });
});
