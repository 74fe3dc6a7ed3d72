import type { PitEntryAnswer, PitListAnswer } from '../../../src/api/pit.ts';
import type { Lab } from '../../../src/cli/lab/lab.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { ensureBuilt, Overlay, type OverlayNode } from '../../../src/cli/lab/overlay.ts';
import { serve } from '../probes.ts';
import { PORT } from '../two-nodes.ts';
import { type Place, type PlacedRow, Plan } from './plan.ts';
import type { Row } from './row.ts';
import { tap, type Wire } from './wires.ts';

/** Interface of every machine towards the wire that all share. */
const OUT = 'out';
const NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/**
 * A network of real machines that holds the paths of many rows:
 *
 *   wire 10.99.0.0/24 ── [out .n] X, a host, or a plain machine
 *                    └── [out .n] G, a router ── 10.n.k.0/24 and 172.(16+n).k.0/24 ── [out .10] its k-th machine
 *                                                └── [out .10] I, a router in turn ── 10.n.(16k+j).0/24 … ── its j-th
 *
 * What is behind a router has an address that the overlay routes (10.…) and an ordinary one (172.…), both its own.
 */
export class Network {
  readonly lab: Lab;
  readonly #overlay: Overlay;
  readonly #plan = new Plan();
  readonly #rows: ReadonlyMap<Row, PlacedRow>;
  readonly #machines = new Map<Place, Namespace>();
  readonly #nodes = new Map<Place, OverlayNode>();
  readonly #wires = new Map<Place, Wire>();
  /** names of groups by their number: the lower the number, the lower the group's id */
  readonly #groups: readonly string[];

  constructor(lab: Lab, rows: readonly Row[]) {
    ensureBuilt();
    this.lab = lab;
    this.#rows = new Map(rows.map((row) => [row, this.#plan.add(row.path)]));
    this.#overlay = new Overlay(
      lab,
      NUMBERS.map((number) => `group-${number}`),
      { nice: 0 },
    );
    this.#groups = this.#inOrder();
    for (const place of this.#plan.places) this.#machines.set(place, this.#machine(place));
    this.#link();
    for (const place of this.#plan.places) this.#route(place);
    for (const place of this.#plan.places) if (place.element) this.#nodes.set(place, this.#node(place));
    this.#overlay.rewriteBundles();
  }

  /** Starts all agents, and what answers and what listens on every machine. */
  async up(): Promise<void> {
    for (const [place, node] of this.#nodes)
      node.start({ listen: this.#listen(place), peers: this.#peers(place), extra: this.#transit(place) });
    await Promise.all([...this.#nodes.values()].map((node) => node.ready()));
    await Promise.all([...this.#machines.values()].map((machine) => serve(machine)));
    for (const [place, machine] of this.#machines) this.#wires.set(place, await tap(this.lab, machine, OUT));
  }

  placed(row: Row): PlacedRow {
    const found = this.#rows.get(row);
    if (!found) throw new Error(`no row ${row.name}`);
    return found;
  }

  machine(place: Place): Namespace {
    return this.#found(this.#machines, place);
  }

  node(place: Place): OverlayNode {
    return this.#found(this.#nodes, place);
  }

  /** The capture of what passes between a machine and the next one outside. */
  wire(place: Place): Wire {
    return this.#found(this.#wires, place);
  }

  /** An address that the overlay carries: the node's own, or of a network behind a node. */
  async overlayAddress(place: Place): Promise<string> {
    return place.element ? this.node(place).address() : this.#address(place, '10');
  }

  /** An address that has nothing to do with the overlay. */
  ordinaryAddress(place: Place): string {
    return this.#address(place, '172');
  }

  /** Numbers of groups as the rows have them, by their names. */
  groupNumber(name: string | null): number {
    return this.#groups.indexOf(name ?? '') + 1;
  }

  async entries(place: Place): Promise<readonly PitEntryAnswer[]> {
    return (await this.node(place).ask<PitListAnswer>({ verb: 'pit-list', limit: 1_000 })).entries;
  }

  #found<T>(map: ReadonlyMap<Place, T>, place: Place): T {
    const found = map.get(place);
    if (found === undefined) throw new Error(`nothing at ${place.name}`);
    return found;
  }

  #inOrder(): readonly string[] {
    const { groups } = JSON.parse(this.#overlay.authority('list', '--json'));
    const listed: { name: string; id: string }[] = groups;
    return listed.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ name }) => name);
  }

  #machine({ name, element }: Place): Namespace {
    return element?.type === 'gen' ? this.lab.router(name) : this.lab.namespace(name);
  }

  /** The third and second byte of the network between a machine and the router before it. */
  #numbers({ parent, number }: Place): readonly [second: number, third: number] {
    if (parent === null) throw new Error('the wire has an address of its own');
    if (parent.parent === null) return [parent.number, number];
    return [parent.parent.number, 16 * parent.number + number];
  }

  #network(place: Place, first: '10' | '172'): string {
    const [second, third] = this.#numbers(place);
    return first === '10' ? `10.${second}.${third}` : `172.${16 + second}.${third}`;
  }

  #address(place: Place, first: '10' | '172'): string {
    return place.parent === null ? `10.99.0.${place.number}` : `${this.#network(place, first)}.10`;
  }

  /** Behind a router that protects neither end nothing is reached through the overlay. */
  #families(place: Place): readonly ('10' | '172')[] {
    return place.parent?.element?.side === 'N' ? ['172'] : ['10', '172'];
  }

  #link(): void {
    const onWire = this.#plan.places.filter(({ parent }) => parent === null);
    const ends = onWire.map((place) => ({
      namespace: this.machine(place),
      device: OUT,
      addresses: [`${this.#address(place, '10')}/24`],
    }));
    this.lab.bridge('wire', ends);
    for (const place of this.#plan.places) {
      if (place.parent === null) continue;
      const at = (last: number) => this.#families(place).map((first) => `${this.#network(place, first)}.${last}/24`);
      this.lab.link(
        { namespace: this.machine(place), device: OUT, addresses: at(10) },
        { namespace: this.machine(place.parent), device: inward(place), addresses: at(1) },
      );
      const [via] = this.#families(place);
      this.machine(place).route('default', `${this.#network(place, via ?? '172')}.1`);
    }
  }

  /** What the machines on the wire, and the routers on the way, need to reach what is behind this router by ordinary routes. */
  #route(place: Place): void {
    const { parent, element, number } = place;
    if (element?.type !== 'gen') return;
    if (element.side === 'N') this.#ownNetwork(place);
    const tops = this.#plan.places.filter((each) => each.parent === null && each !== place);
    if (parent === null) {
      for (const each of tops) this.machine(each).route(`172.${16 + number}.0.0/16`, this.#address(place, '10'));
      return;
    }
    for (const [first, second] of [
      ['10', parent.number],
      ['172', 16 + parent.number],
    ] as const)
      this.machine(parent).route(`${first}.${second}.${16 * number}.0/20`, this.#address(place, first));
  }

  /** A network that the router protects, with nobody in it. */
  #ownNetwork(place: Place): void {
    this.lab.link(
      { namespace: this.machine(place), device: 'own', addresses: [`10.${place.number}.0.1/24`] },
      { namespace: this.lab.namespace(`${place.name}own`), device: OUT, addresses: [`10.${place.number}.0.10/24`] },
    );
  }

  #node(place: Place): OverlayNode {
    const { name, element, parent, number } = place;
    if (!element) throw new Error(`${name} is a plain machine`);
    const routes = parent === null ? `10.${number}.0.0/16` : `10.${parent.number}.${16 * number}.0/20`;
    const { type, mode, groups } = element;
    return this.#overlay.add(name, this.machine(place), {
      type,
      mode,
      groups: groups.map((each) => this.#groups[each - 1] ?? ''),
      routes: type === 'gen' ? [routes] : [],
    });
  }

  /** A router hears on its inside, too; a host sends from the address that its router knows it by. */
  #listen(place: Place): string {
    if (place.element?.type === 'gen') return `${PORT}`;
    const [first] = this.#families(place);
    return `${this.#address(place, first ?? '10')}:${PORT}`;
  }

  /** A router that protects neither end is one between its outer interface and those of the machines behind it. */
  #transit(place: Place): readonly string[] {
    if (place.element?.side !== 'N') return [];
    const behind = this.#plan.places.filter(({ parent }) => parent === place);
    return [OUT, ...behind.map(inward)].flatMap((device) => ['--transit', device]);
  }

  #peers(place: Place): { readonly name: string; readonly at: string }[] {
    const groups = new Set(place.element?.groups);
    const others = [...this.#nodes.keys()].filter(
      (other) => other !== place && other.element?.groups.some((group) => groups.has(group)),
    );
    return others.map((other) => ({ name: other.name, at: `${this.#endpoint(place, other)}:${PORT}` }));
  }

  /** Where datagrams for another node are sent: to itself, or to the outermost router that it is behind and the sender is not. */
  #endpoint(from: Place, to: Place): string {
    const around = new Set(above(from));
    const [first] = this.#families(to);
    if (above(from).includes(to)) {
      const below = [from, ...above(from)].find(({ parent }) => parent === to);
      return below ? `${this.#network(below, '10')}.1` : '';
    }
    const outermost = above(to)
      .filter((each) => !around.has(each) && each !== from && each.element?.side !== 'N')
      .at(-1);
    return outermost ? this.#address(outermost, '10') : this.#address(to, first ?? '10');
  }
}

/** The interface of the router before a machine that leads to it. */
function inward({ number }: Place): string {
  return `in${number}`;
}

/** The routers that a machine is behind, the nearest first. */
function above({ parent }: Place): readonly Place[] {
  return parent === null ? [] : [parent, ...above(parent)];
}
