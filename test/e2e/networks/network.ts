import type { PitEntryAnswer, PitListAnswer } from '../../../src/api/pit.ts';
import type { Lab, LinkEnd } from '../../../src/cli/lab/lab.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { ensureBuilt, Overlay, type OverlayNode } from '../../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../../src/cli/lab/served-overlay.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { serve } from '../probes.ts';
import type { Place, Plan } from './plan.ts';
import { PORT, tap, type Wire } from './wires.ts';

/** Interface of every machine towards the wire that all share. */
const OUT = 'out';

/** How machines are behind a router: each on a link of its own, or all in one LAN. */
export type Shape = 'links' | 'lan';

/** Who gives the nodes their keys, and tells them of each other: bundles of an offline authority, or a server with all roles on the wire. */
export type Keys = 'authority' | 'server';
const GMS = '10.99.0.250';

/**
 * A network of real machines that holds the paths of many rows:
 *
 *   wire 10.99.0.0/24 ── [out .n] X, a host, or a plain machine
 *                    └── [out .n] G, a router ── 10.n.k.0/24 and 172.(16+n).k.0/24 ── [out .10] its k-th machine
 *                                                └── [out .10] I, a router in turn ── 10.n.(16k+j).0/24 … ── its j-th
 *
 * In the shape `lan` all machines of G are in 10.n.0.0/24 and 172.(16+n).0.0/24, the k-th as .(10+k).
 * What is behind a router has an address that the overlay routes (10.…) and an ordinary one (172.…), both its own.
 */
export class Network {
  readonly lab: Lab;
  readonly #plan: Plan;
  readonly #shape: Shape;
  /** undefined: there is no server */
  readonly #gms: Namespace | undefined;
  readonly #machines = new Map<Place, Namespace>();
  readonly #nodes = new Map<Place, OverlayNode>();
  readonly #wires = new Map<Place, Wire>();
  /** names of groups by their number: the lower the number, the lower the group's id */
  #groups: readonly string[] = [];

  constructor(lab: Lab, plan: Plan, shape: Shape = 'links', keys: Keys = 'authority') {
    ensureBuilt();
    this.lab = lab;
    this.#plan = plan;
    this.#shape = shape;
    this.#gms = keys === 'server' ? lab.namespace('gms') : undefined;
    for (const place of this.#plan.places) this.#machines.set(place, this.#machine(place));
    this.#link();
    for (const place of this.#plan.places) this.#route(place);
    if (keys === 'authority') this.#enter();
  }

  /** Enters all nodes at an authority. */
  #enter(): void {
    const overlay = new Overlay(this.lab, this.#names(), { nice: 0 });
    this.#groups = inOrder(JSON.parse(overlay.authority('list', '--json')));
    for (const place of this.#plan.places)
      if (place.element) {
        const what = { ...this.#rights(place), groups: this.#groupsOf(place) };
        this.#nodes.set(place, overlay.add(place.name.toLowerCase(), this.machine(place), what));
      }
    overlay.rewriteBundles();
    this.#roll(overlay);
  }

  #names(): readonly string[] {
    const most = Math.max(...this.#plan.places.flatMap(({ element }) => element?.groups ?? []));
    return Array.from({ length: most }, (_, at) => `group-${at + 1}`);
  }

  /** Starts the server and has all nodes join, each after the routers before it. */
  async #join(gms: Namespace, warmUp: boolean): Promise<void> {
    const more = ['--advertise', `${GMS}:${PORT}`];
    const served = await ServedOverlay.start(this.lab, gms, `:${PORT}`, this.#names(), more);
    this.#groups = inOrder(await served.admin.get('/groups'));
    for (const place of this.#plan.places) {
      if (!place.element) continue;
      const groups = this.#groupsOf(place);
      const name = place.name.toLowerCase();
      // a token is for at least one group
      const asked = groups.length > 0 ? groups : this.#groups.slice(0, 1);
      const node = await served.add(name, this.machine(place), asked, this.#rights(place));
      this.#nodes.set(place, node);
      node.start({ listen: this.#listen(place), extra: this.#transit(place), warmUp });
      await node.ready();
      if (groups.length === 0) await served.admin.patch(`/nodes/${name}`, { groups });
    }
    await until('one view of each group', () => this.#isOneView(), { seconds: 60, everyMs: 200 });
  }

  /** Whether all members of a group have the same version of it, and know all the others. */
  async #isOneView(): Promise<boolean> {
    const views = new Map<string, Set<string>>();
    for (const [place, node] of this.#nodes) {
      const { groups } = await node.status();
      if (groups.length !== place.element?.groups.length) return false;
      for (const { name, version, next, members } of groups)
        views.set(name, (views.get(name) ?? new Set()).add(`${next ?? version} ${members}`));
    }
    return [...views.values()].every(({ size }) => size === 1);
  }

  /** Starts all agents, and what answers and what listens on every machine. */
  async up(): Promise<void> {
    await this.upAlone(false);
    await Promise.all([...this.#machines.values()].map((machine) => serve(machine)));
    for (const [place, machine] of this.#machines) this.#wires.set(place, await tap(this.lab, machine, OUT));
  }

  /** Starts all agents, and waits until GENs are known to those behind them. */
  async upAlone(warmUp: boolean): Promise<void> {
    if (this.#gms) await this.#join(this.#gms, warmUp);
    else
      for (const [place, node] of this.#nodes)
        node.start({ listen: this.#listen(place), peers: this.#peers(place), extra: this.#transit(place), warmUp });
    await Promise.all([...this.#nodes.values()].map((node) => node.ready()));
    await Promise.all([...this.#nodes].filter(([place]) => this.#isBelow(place)).map(([, node]) => isProved(node)));
  }

  /** Whether a GEN answers it when it asks its gateway. */
  #isBelow({ parent }: Place): boolean {
    return parent !== null && parent.element?.side !== 'N';
  }

  /** Gives groups their second version, which only those hear of that have it in their row. */
  #roll(overlay: Overlay): void {
    const rolled = [...this.#nodes].filter(([{ element }]) => element && element.rolled.length > 0);
    const groups = new Set(rolled.flatMap(([{ element }]) => element?.rolled ?? []));
    for (const group of groups) overlay.roll(this.#groups[group - 1] ?? '', '0s');
    for (const [, node] of rolled) overlay.rewriteBundle(node);
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

  #machine({ name, element }: Place): Namespace {
    return element?.type === 'gen' ? this.lab.router(name) : this.lab.namespace(name);
  }

  /** The second and third byte of the network between a machine and the router before it. */
  #numbers({ parent, number }: Place): readonly [second: number, third: number] {
    if (parent === null) throw new Error('the wire has an address of its own');
    const third = this.#shape === 'lan' ? 0 : number;
    if (parent.parent === null) return [parent.number, third];
    return [parent.parent.number, 16 * parent.number + third];
  }

  #network(place: Place, first: '10' | '172'): string {
    const [second, third] = this.#numbers(place);
    return first === '10' ? `10.${second}.${third}` : `172.${16 + second}.${third}`;
  }

  #address(place: Place, first: '10' | '172'): string {
    return place.parent === null ? `10.99.0.${place.number}` : `${this.#network(place, first)}.${this.#last(place)}`;
  }

  #last({ number }: Place): number {
    return this.#shape === 'lan' ? 10 + number : 10;
  }

  /** Behind a router that protects neither end nothing is reached through the overlay. */
  #families(place: Place): readonly ('10' | '172')[] {
    return place.parent?.element?.side === 'N' ? ['172'] : ['10', '172'];
  }

  #link(): void {
    const onWire = this.#behind(null).map((place) => ({
      namespace: this.machine(place),
      device: OUT,
      addresses: [`${this.#address(place, '10')}/24`],
    }));
    const gms = this.#gms ? [{ namespace: this.#gms, device: OUT, addresses: [`${GMS}/24`] }] : [];
    this.lab.bridge('wire', [...onWire, ...gms]);
    for (const router of this.#plan.places) if (router.element?.type === 'gen') this.#linkInside(router);
  }

  #behind(router: Place | null): readonly Place[] {
    return this.#plan.places.filter(({ parent }) => parent === router);
  }

  #linkInside(router: Place): void {
    const machines = this.#behind(router);
    const outer = (place: Place): LinkEnd => ({
      namespace: this.machine(place),
      device: OUT,
      addresses: this.#addresses(place, this.#last(place)),
    });
    const inner = (place: Place): LinkEnd => ({
      namespace: this.machine(router),
      device: this.#inward(place),
      addresses: this.#addresses(place, 1),
    });
    const [first] = machines;
    if (first && this.#shape === 'lan') this.lab.bridge(`${router.name}lan`, [inner(first), ...machines.map(outer)]);
    else for (const place of machines) this.lab.link(outer(place), inner(place));
    for (const place of machines) this.#routeOut(place);
  }

  #addresses(place: Place, last: number): readonly string[] {
    return this.#families(place).map((first) => `${this.#network(place, first)}.${last}/24`);
  }

  /** The interface of the router before a machine that leads to it. */
  #inward({ number }: Place): string {
    return this.#shape === 'lan' ? 'in' : `in${number}`;
  }

  /** A machine behind a router talks by its ordinary address where nothing of the overlay is meant. */
  #routeOut(place: Place): void {
    const [first] = this.#families(place);
    const machine = this.machine(place);
    machine.route('default', `${this.#network(place, first ?? '172')}.1`);
    if (place.element?.type === 'gen') return;
    if (this.#gms) machine.route(`${GMS}/32`, `${this.#network(place, '10')}.1`);
    const words = ['via', `${this.#network(place, '172')}.1`, 'src', this.#address(place, '172')];
    for (const ordinary of ['10.99.0.0/24', '172.16.0.0/12']) machine.ip('route', 'add', ordinary, ...words);
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

  #groupsOf({ element }: Place): readonly string[] {
    return (element?.groups ?? []).map((each) => this.#groups[each - 1] ?? '');
  }

  /** Type, mode and networks, as whoever enters the node gives them. */
  #rights({ name, element, parent, number }: Place) {
    if (!element) throw new Error(`${name} is a plain machine`);
    const route = parent === null ? `10.${number}.0.0/16` : `10.${parent.number}.${16 * number}.0/20`;
    const { type, mode } = element;
    return { type, mode, ...(type === 'gen' && { routes: [route] }) };
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
    return [OUT, ...this.#behind(place).map((each) => this.#inward(each))].flatMap((device) => ['--transit', device]);
  }

  #peers(place: Place): { readonly name: string; readonly at: string }[] {
    const groups = new Set(place.element?.groups);
    const others = [...this.#nodes.keys()].filter(
      (other) => other !== place && other.element?.groups.some((group) => groups.has(group)),
    );
    return others.map((other) => ({ name: other.name.toLowerCase(), at: `${this.#endpoint(place, other)}:${PORT}` }));
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

/** Names of groups by their ids, the lowest first. */
function inOrder({ groups }: { readonly groups: readonly { readonly name: string; readonly id: string }[] }): string[] {
  return [...groups].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ name }) => name);
}

/** Until the GEN that a node is below has proved itself to it, and with that the LAN, where it is the node's own. */
function isProved(node: OverlayNode): Promise<unknown> {
  const look = async () => {
    const { elements, health } = await node.status();
    return elements.above !== null && health.every(({ code }) => code !== 'lan-not-proved');
  };
  return until(`the GEN above ${node.name}`, look, { seconds: 60, everyMs: 100 });
}

/** The routers that a machine is behind, the nearest first. */
function above({ parent }: Place): readonly Place[] {
  return parent === null ? [] : [parent, ...above(parent)];
}
