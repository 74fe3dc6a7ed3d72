import type { PitEntryAnswer, PitListAnswer } from '../../../src/api/pit.ts';
import type { Lab, LinkEnd } from '../../../src/cli/lab/lab.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { ensureBuilt, Overlay, type OverlayNode } from '../../../src/cli/lab/overlay.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { serve } from '../probes.ts';
import { type Place, Plan, type Way } from './plan.ts';
import type { Observed } from './seen-actions.ts';
import { PORT, tap, type Wire } from './wires.ts';

const OUT = 'out';

/** Endpoints of the underlay by machine, the prefix of what is behind a router, and where others send to it. */
const MACHINES = {
  Outer: { type: 'GEN OP{2}', out: '2001:db8:99::1', routes: 'fd01::/56', seen: '2001:db8:99::1' },
  Inner: { type: 'GEN CL{3}', out: 'fd01:0:0:1::10', routes: 'fd01:0:0:20::/60', seen: 'fd01:0:0:1::10' },
  Near: { type: 'GES OP{1}', out: 'fd01:0:0:1::20', routes: undefined, seen: '2001:db8:99::1' },
  Deep: { type: 'GES OP{1}', out: 'fd01:0:0:21::10', routes: undefined, seen: '2001:db8:99::1' },
  Far: { type: 'GES OP{1}', out: '2001:db8:99::9', routes: undefined, seen: '2001:db8:99::9' },
  Else: { type: 'GES OP{4}', out: '2001:db8:99::8', routes: undefined, seen: '2001:db8:99::8' },
} as const;
type Name = keyof typeof MACHINES;
const NAMES = ['Outer', 'Inner', 'Near', 'Deep', 'Far', 'Else'] as const;
const BEHIND: Readonly<Partial<Record<Name, Name>>> = { Inner: 'Outer', Near: 'Outer', Deep: 'Inner' };

/**
 * Elements below routers where there is no IPv4 but inside the overlay:
 *
 *   wire 2001:db8:99::/64 ── .9 Far   .8 Else   .1 Outer ── fd01:0:0:1::/64 ── .20 Near
 *                                                                          └── .10 Inner ── fd01:0:0:21::/64 ── .10 Deep
 */
export class SixNetwork implements Observed {
  readonly #lab: Lab;
  readonly #plan = new Plan();
  readonly #machines = new Map<string, Namespace>();
  readonly #nodes = new Map<string, OverlayNode>();
  readonly #wires = new Map<string, Wire>();
  #groups: readonly string[] = [];

  constructor(lab: Lab) {
    ensureBuilt();
    this.#lab = lab;
    for (const name of NAMES) {
      const { type, routes } = MACHINES[name];
      this.#plan.addMachine(`${BEHIND[name] === undefined ? '' : `${BEHIND[name]} > `}${name} ${type}`);
      this.#machines.set(name, routes === undefined ? lab.namespace(name) : lab.router(name));
    }
    this.#link();
    this.#enter();
  }

  way(path: string): Way {
    return this.#plan.way(path);
  }

  async up(): Promise<void> {
    for (const [name, node] of this.#nodes) node.start({ listen: `${PORT}`, peers: this.#peers(name) });
    await Promise.all([...this.#nodes.values()].map((node) => node.ready()));
    for (const name of Object.keys(BEHIND))
      await until(
        `the GEN above ${name}`,
        async () => (await found(this.#nodes, name).status()).elements.above !== null,
        {
          seconds: 60,
          everyMs: 100,
        },
      );
    await Promise.all([...this.#machines.values()].map((machine) => serve(machine)));
    for (const [name, machine] of this.#machines) this.#wires.set(name, await tap(this.#lab, machine, OUT));
  }

  machine({ name }: Place): Namespace {
    return found(this.#machines, name);
  }

  node({ name }: Place): OverlayNode {
    return found(this.#nodes, name);
  }

  wire({ name }: Place): Wire {
    return found(this.#wires, name);
  }

  async overlayAddress(place: Place): Promise<string> {
    const { node } = await this.node(place).status();
    const six = node.addresses.find((address) => address.includes(':')) ?? '';
    return six.replace(/\/\d+$/, '');
  }

  ordinaryAddress({ name }: Place): string {
    return MACHINES[nameOf(name)].out;
  }

  async entries(place: Place): Promise<readonly PitEntryAnswer[]> {
    return (await this.node(place).ask<PitListAnswer>({ verb: 'pit-list', limit: 1_000 })).entries;
  }

  groupNumber(name: string | null): number {
    return this.#groups.indexOf(name ?? '') + 1;
  }

  #link(): void {
    const out = (name: Name): LinkEnd => this.#end(name, OUT, `${MACHINES[name].out}/64`);
    this.#lab.bridge('wire', [out('Outer'), out('Far'), out('Else')]);
    this.#lab.bridge('lan', [this.#end('Outer', 'in', 'fd01:0:0:1::1/64'), out('Inner'), out('Near')]);
    this.#lab.link(this.#end('Inner', 'in', 'fd01:0:0:21::1/64'), out('Deep'));
    for (const name of ['Inner', 'Near'] as const) found(this.#machines, name).route('default', 'fd01:0:0:1::1');
    found(this.#machines, 'Deep').route('default', 'fd01:0:0:21::1');
    found(this.#machines, 'Outer').route('fd01:0:0:20::/60', MACHINES.Inner.out);
  }

  #end(name: Name, device: string, address: string): LinkEnd {
    return { namespace: found(this.#machines, name), device, addresses: [address] };
  }

  #enter(): void {
    const overlay = new Overlay(this.#lab, ['group-1', 'group-2', 'group-3', 'group-4'], { nice: 0 });
    const { groups } = JSON.parse(overlay.authority('list', '--json'));
    const ids: readonly { readonly name: string; readonly id: string }[] = groups;
    this.#groups = [...ids].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ name }) => name);
    for (const { name, element } of this.#plan.places) {
      if (!element) continue;
      const { routes } = MACHINES[nameOf(name)];
      const what = {
        type: element.type,
        mode: element.mode,
        groups: element.groups.map((each) => this.#groups[each - 1] ?? ''),
        ...(routes !== undefined && { routes: [routes] }),
      };
      this.#nodes.set(name, overlay.add(name.toLowerCase(), found(this.#machines, name), what));
    }
    overlay.rewriteBundles();
  }

  /** The other members of group 1, each where the asker reaches it. */
  #peers(name: string): { readonly name: string; readonly at: string }[] {
    const members = ['Near', 'Deep', 'Far'] as const;
    if (!members.some((each) => each === name)) return [];
    const isInside = (each: string) => each !== 'Far';
    const address = (each: Name) => {
      if (!isInside(each) || !isInside(name)) return MACHINES[each].seen;
      return each === 'Deep' ? MACHINES.Inner.seen : MACHINES[each].out;
    };
    const others = members.filter((each) => each !== name);
    return others.map((each) => ({ name: each.toLowerCase(), at: `[${address(each)}]:${PORT}` }));
  }
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new Error(`nothing at ${name}`);
  return value;
}

function nameOf(name: string): Name {
  const known = NAMES.find((each) => each === name);
  if (known === undefined) throw new Error(`no machine ${name}`);
  return known;
}
