import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PitListAnswer } from '../../../src/api/pit.ts';
import { Lab } from '../../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../../src/cli/lab/served-overlay.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { ALL, NOTHING, reach, serve } from '../probes.ts';
import { Machines, newestVersion, reachEachOther } from '../served-nodes.ts';
import { PORT } from '../two-nodes.ts';
import { DPRP, dprpKinds, type Exchange, linkState, tap, type Wire } from './wires.ts';

const NAMES = ['x', 'y', 'leaver'] as const;
const SIZE = 700;
const IP_AND_ICMP = 28;

/**
 * X and Y, of which one is cut off from the server while somebody is taken out of a group: it has the old version then,
 * and a version from before a removal is taken by nobody (protocol.md 10.3).
 */
class Versions {
  readonly machines: Machines;
  readonly served: ServedOverlay;
  readonly #nodes: ReadonlyMap<string, OverlayNode>;
  readonly #wire: Wire;
  /** in the order of their ids: a flow takes the first that both ends hold alike */
  readonly groups: readonly [string, string];

  private constructor(
    machines: Machines,
    served: ServedOverlay,
    nodes: ReadonlyMap<string, OverlayNode>,
    wire: Wire,
    groups: readonly [string, string],
  ) {
    this.machines = machines;
    this.served = served;
    this.#nodes = nodes;
    this.#wire = wire;
    this.groups = groups;
  }

  static async lay(lab: Lab): Promise<Versions> {
    const machines = new Machines(lab, ['server', ...NAMES]);
    const more = ['--advertise', machines.at('server')];
    const served = await ServedOverlay.start(lab, machines.space('server'), `:${PORT}`, ['one', 'two'], more);
    const listed = await served.admin.get<{ groups: readonly { name: string; id: string }[] }>('/groups');
    const [low = '', high = ''] = [...listed.groups].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ name }) => name);
    const nodes = new Map<string, OverlayNode>();
    for (const name of NAMES) {
      const node = await served.add(name, machines.space(name), [low, high], { mode: name === 'y' ? 'cl' : 'op' });
      node.start({ listen: machines.at(name) });
      await node.ready();
      nodes.set(name, node);
    }
    await reachEachOther([...nodes.values()]);
    for (const name of ['x', 'y']) await serve(machines.space(name));
    return new Versions(machines, served, nodes, await tap(lab, machines.space('y'), 'eth0'), [low, high]);
  }

  node(name: string): OverlayNode {
    const found = this.#nodes.get(name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  /** The third machine is in these groups from now on. */
  async #leaver(groups: readonly string[]): Promise<void> {
    await this.served.admin.patch('/nodes/leaver', { groups });
  }

  /** Everybody is in both groups, and at one version. */
  async together(): Promise<void> {
    await this.#leaver(this.groups);
    const versions = async (name: string) =>
      Promise.all(this.groups.map((group) => newestVersion(this.node(name), group)));
    await until(
      'one version of each group',
      async () => {
        const [x, y, leaver] = await Promise.all(NAMES.map(versions));
        return `${x}` === `${y}` && `${y}` === `${leaver}`;
      },
      { seconds: 30 },
    );
  }

  /** Cuts a machine off from the server, and lets somebody be taken out of these groups. */
  async behind(name: 'x' | 'y', groups: readonly string[]): Promise<void> {
    const other = this.node(name === 'x' ? 'y' : 'x');
    const before = await newestVersion(other, groups[0]);
    this.#cut(name, `ip saddr ${this.machines.ip('server')} drop`);
    await this.#leaver(this.groups.filter((group) => !groups.includes(group)));
    await until('the newer version', async () => (await newestVersion(other, groups[0])) > before, { seconds: 30 });
    // what was agreed before is over, so that the next packet asks
    for (const each of ['x', 'y']) await this.node(each).flush(true);
  }

  heal(name: 'x' | 'y'): void {
    this.#cut(name, '');
  }

  #cut(name: string, rule: string): void {
    const chain = `chain c {\ntype filter hook input priority -400\n${rule}\n}`;
    this.machines
      .space(name)
      .now('nft', ['-f', '-'], `table inet cut {}\ndelete table inet cut\ntable inet cut {\n${chain}\n}\n`);
  }

  /** X asks Y by its overlay address: what it heard, what the wire carried of it, and X's entry for the flow. */
  async ask() {
    const [x, y] = [this.node('x'), this.node('y')];
    const between: Exchange['between'] = [await x.address(), await y.address()];
    this.#wire.skip();
    const reached = await reach(x.namespace, between[1], { from: between[0], size: SIZE });
    const { entries } = await x.ask<PitListAnswer>({ verb: 'pit-list', limit: 1_000 });
    const flow = entries.find(({ destination, protocol }) => destination === between[1] && protocol === 'icmp');
    const captured = this.#wire.since();
    return {
      reached,
      link: linkState(captured, { between, pinged: SIZE + IP_AND_ICMP }),
      kinds: new Set(dprpKinds(captured)),
      flow: flow && { action: flow.action, group: flow.group, version: flow.version },
    };
  }

  /** One asks the other by its ordinary address: what it heard, and what the wire carried of it. */
  async askPlainly(from: 'x' | 'y', to: 'x' | 'y') {
    const between: Exchange['between'] = [this.machines.ip(from), this.machines.ip(to)];
    this.#wire.skip();
    const reached = await reach(this.machines.space(from), between[1], { from: between[0], size: SIZE });
    return { reached, link: linkState(this.#wire.since(), { between, pinged: SIZE + IP_AND_ICMP }) };
  }

  /** Until the packets of a flow pass again; then what is seen of them. */
  async answered() {
    await until('x being answered', async () => (await this.ask()).reached.ping, { seconds: 30 });
    return this.ask();
  }
}

/** X is open and passes what goes to an ordinary address; Y's lock takes nothing in and lets nothing out (as M11). */
async function expectPlain(versions: Versions): Promise<void> {
  expect(await versions.askPlainly('x', 'y'), 'there').toEqual({ reached: NOTHING, link: 'clear' });
  expect(await versions.askPlainly('y', 'x'), 'back').toEqual({ reached: NOTHING, link: 'none' });
}

describe('ends with different versions of a key', () => {
  const lab = new Lab();
  let versions: Versions;
  beforeAll(async () => {
    versions = await Versions.lay(lab);
  }, 180_000);
  afterAll(() => lab.close());

  it('M14: the start is behind and is told so: no entry and no packet until it has fetched, then the new version', async () => {
    await versions.together();
    await versions.behind('x', versions.groups);
    const held = await versions.ask();
    expect(held).toMatchObject({ reached: NOTHING, link: 'none', flow: undefined });
    expect(held.kinds.has(DPRP.stale)).toBe(true);
    expect(held.kinds.has(DPRP.mpit)).toBe(false);
    await expectPlain(versions);
    versions.heal('x');
    const [group] = versions.groups;
    const version = await newestVersion(versions.node('y'), group);
    const flow = { action: 'encrypt', group, version };
    expect(await versions.answered()).toMatchObject({ reached: ALL, link: 'sealed', flow });
  }, 90_000);

  it('M15: the end is behind: no entry and no packet until it has fetched, and the start never goes back', async () => {
    await versions.together();
    await versions.behind('y', versions.groups);
    const [group] = versions.groups;
    const version = await newestVersion(versions.node('x'), group);
    const held = await versions.ask();
    expect(held).toMatchObject({ reached: NOTHING, link: 'none', flow: undefined });
    expect(held.kinds.has(DPRP.dde)).toBe(true);
    expect(held.kinds.has(DPRP.mpit)).toBe(false);
    await expectPlain(versions);
    versions.heal('y');
    const flow = { action: 'encrypt', group, version };
    expect(await versions.answered()).toMatchObject({ reached: ALL, link: 'sealed', flow });
  }, 90_000);

  it('M13: equal versions first: the higher group carries the flow, as the start is behind in the lower', async () => {
    await versions.together();
    const [low, high] = versions.groups;
    await versions.behind('x', [low]);
    const newest = (name: string) => newestVersion(versions.node(name), low);
    expect(await newest('x')).toBeLessThan(await newest('y'));
    const flow = { action: 'encrypt', group: high };
    expect(await versions.ask()).toMatchObject({ reached: ALL, link: 'sealed', flow });
    await expectPlain(versions);
    versions.heal('x');
    await until('the newer version', async () => (await newest('x')) === (await newest('y')), { seconds: 30 });
  }, 90_000);
});
