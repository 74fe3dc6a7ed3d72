import { millis, type NodeId } from '../../../src/base/brands.ts';
import { utf8 } from '../../../src/base/bytes.ts';
import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { address } from '../../base/ip-packets.ts';
import { type Pick, picker } from '../../dprp/random-network.ts';
import { udpPacket } from '../packets.ts';
import type { Flying, SimNode } from '../world.ts';
import { Attacker, type Deed, type Sending } from './attacker.ts';
import { Machine } from './machine.ts';
import { drawScene, type Scene, type Talk } from './scene.ts';

/** What every packet between members holds, and nothing else. */
export const MARKER = utf8('GSCIP member traffic');

/** Milliseconds within which traffic flows again once the attacker has stopped. */
export const BOUND = 60_000;
const EVERY = 500;

/** What came of one schedule. */
export interface Outcome {
  readonly scene: string;
  /** what must never be; empty when all is well */
  readonly faults: readonly string[];
  readonly deeds: Readonly<Record<Deed, number>>;
  readonly sent: number;
  readonly delivered: number;
  /** of these packets while the attacker was at work */
  readonly refused: number;
  /** bytes that nodes put on the wire, all of which were searched */
  readonly searched: number;
  /** packets that were dropped because a negotiation had failed: for want of an answer, by a forged NOGROUP or STALE */
  readonly failed: Readonly<Record<Failure, number>>;
  /** milliseconds from the attacker's end until every pair was heard */
  readonly again: number;
}

export const FAILURES = ['timeout', 'no-common-group', 'domain-stale'] as const;
export type Failure = (typeof FAILURES)[number];

/** Runs what a seed says, from the first packet to the one that comes through when the attacker has gone. */
export function runSchedule(seed: number): Promise<Outcome> {
  const pick = picker(seed);
  return new Schedule(pick, drawScene(pick, seed), seed).run();
}

class Schedule {
  readonly #pick: Pick;
  readonly #scene: Scene;
  readonly #attacker: Attacker;
  readonly #machines: ReadonlyMap<SimNode, Machine>;
  readonly #nodes: ReadonlyMap<string, SimNode>;
  readonly #faults = new Set<string>();
  /** every packet that was sent, by its bytes: for whom, and how often it came */
  readonly #packets = new Map<string, { readonly talk: Talk; times: number }>();
  /** addresses of the attacker's behind which it hides a node */
  readonly #aliases = new Map<PathAddress, string>();
  /** where everybody can be reached, as each was told at first */
  readonly #places: readonly {
    readonly node: SimNode;
    readonly peer: NodeId;
    readonly paths: readonly PathAddress[];
  }[];
  #waiting: (Sending & { readonly due: number })[] = [];
  #isOver = false;
  #number = 0;
  #refused = 0;

  constructor(pick: Pick, scene: Scene, seed: number) {
    this.#pick = pick;
    this.#scene = scene;
    const { world } = scene;
    this.#attacker = new Attacker(seed, pick(2) === 0 ? scene.domain : undefined);
    this.#nodes = new Map(world.all().map((node) => [node.name, node]));
    this.#machines = new Map(world.all().map((node) => [node, new Machine(world, node)]));
    this.#places = world
      .all()
      .flatMap((node) =>
        [...node.engine.node.paths.peers()].map(({ peer, hints }) => ({ node, peer, paths: [...hints] })),
      );
    const { wire } = world;
    world.wire = (datagram) => wire(datagram) ?? this.#meet(datagram);
  }

  async run(): Promise<Outcome> {
    const pick = this.#pick;
    await this.#follow();
    const begin = this.#scene.world.now;
    if (pick(2) === 0) await this.#talkUnharmed();
    const end = this.#scene.world.now + 1_000 + (pick(8) > 0 ? pick(9_000) : pick(40_000));
    while (this.#scene.world.now < end) await this.#step();
    const attacked = this.#number;
    this.#isOver = true;
    this.#waiting = [];
    const again = await this.#recover();
    this.#search(begin);
    const arrived = [...this.#packets].filter(([key, { times }]) => times > 0 && numberOf(key) < attacked);
    const { seen } = this.#scene.world;
    return {
      ...{ scene: this.#scene.name, deeds: this.#attacker.deeds, again, sent: attacked, delivered: arrived.length },
      ...{ refused: this.#refused, faults: [...this.#faults] },
      failed: {
        timeout: this.#failed('timeout'),
        'no-common-group': this.#failed('no-common-group'),
        'domain-stale': this.#failed('domain-stale'),
      },
      searched: seen.reduce((sum, { bytes }) => sum + bytes.length, 0),
    };
  }

  /** What is between the nodes: the attacker, who has listened before, too. */
  #meet({ from, to, bytes, arrives }: Flying): Flying[] {
    const { world } = this.#scene;
    const [sender, receiver] = [world.at(from)?.name, world.at(to)?.name ?? this.#aliases.get(to)];
    if (sender === undefined || receiver === undefined) return [];
    const passing = { from: sender, to: receiver, bytes };
    if (this.#isOver || !this.#isAttacking) {
      this.#attacker.hear(passing);
      // who stands behind an address of the attacker's is reached no longer
      return world.at(to) ? [{ from, to, bytes, arrives }] : [];
    }
    return this.#flying(this.#attacker.handle(passing, world.now));
  }

  #isAttacking = false;

  /** What arrives at once; the rest waits. */
  #flying(sendings: readonly Sending[]): Flying[] {
    const { now } = this.#scene.world;
    for (const each of sendings) if (each.after > 0) this.#waiting.push({ ...each, due: now + each.after });
    return sendings.filter(({ after }) => after === 0).flatMap((each) => this.#datagram(each));
  }

  #datagram({ from, to, bytes, source }: Sending): Flying[] {
    const { world } = this.#scene;
    const [sender, receiver] = [this.#nodes.get(from), this.#nodes.get(to)];
    if (!sender || !receiver || bytes.length === 0) return [];
    const path = this.#sourceOf(sender, source);
    if (!this.#machines.get(receiver)?.hears(path)) return [];
    return [{ from: path, to: receiver.path, bytes: bytes.slice(), arrives: millis(world.now + world.delay) }];
  }

  #sourceOf({ name, path }: SimNode, source: Sending['source']): PathAddress {
    if (source === 'own') return path;
    if (source === 'strange') return pathAddress(`203.0.113.66:${1_000 + this.#pick(9)}`);
    const { networks } = this.#scene;
    const hosts = ['203.0.113.7', '198.51.100.9', ...networks];
    const alias = pathAddress(`${hosts[this.#pick(hosts.length)]}:${2_000 + this.#pick(3)}`);
    this.#aliases.set(alias, name);
    return alias;
  }

  async #talkUnharmed(): Promise<void> {
    for (const talk of this.#scene.talks) this.#send(talk);
    await this.#pass(300);
    for (const talk of this.#scene.talks) this.#send(talk);
    await this.#pass(100);
  }

  /** Some packets, some of what the attacker does unasked, now and then something that happens to nodes; time passes. */
  async #step(): Promise<void> {
    this.#isAttacking = true;
    const { world, talks } = this.#scene;
    const pick = this.#pick;
    for (const talk of talks) if (pick(3) === 0) this.#send(talk);
    if (pick(3) === 0) this.#inject(this.#attacker.idle(world.now));
    if (pick(15) === 0) this.#befall();
    await this.#pass(20 + pick(300));
  }

  #befall(): void {
    const { world } = this.#scene;
    const nodes = world.all();
    const [node, other] = [nodes[this.#pick(nodes.length)], nodes[this.#pick(nodes.length)]];
    switch (this.#pick(3)) {
      case 0:
        // a key rolls, and not everybody hears of it
        world.authority.roll('office');
        for (const each of nodes) if (this.#pick(2) === 0) world.launch(each, each.reload(world));
        return;
      case 1:
        node.engine.flush(this.#pick(4) > 0, world.now);
        return world.launch(node, node.carryOut());
      default:
        // who stands between a node and its server may have it say where that node is
        if (node !== other) node.engine.handleEndpoints(other.keys.self().id, [this.#sourceOf(other, 'moved')]);
    }
  }

  #send(talk: Talk): void {
    const { world } = this.#scene;
    const [source, destination] = [address(talk.source), address(talk.destination)];
    const payload = new Uint8Array(MARKER.length + 4 + this.#pick(40));
    payload.set(MARKER);
    new DataView(payload.buffer).setUint32(MARKER.length, this.#number++);
    const packet = udpPacket(source, destination, [5_000 + this.#pick(3), 7], payload);
    const way = this.#machines.get(talk.from)?.wayTo(destination);
    if (way === 'clear')
      this.#faults.add(`${talk.from.name} sends to ${talk.destination} by the ordinary routes, in clear`);
    if (way === 'nowhere') this.#refused++;
    if (way !== 'overlay') return;
    this.#packets.set(keyOf(packet), { talk, times: 0 });
    world.send(talk.from, packet);
  }

  async #pass(time: number): Promise<void> {
    const { world } = this.#scene;
    const end = world.now + time;
    while (world.now < end) {
      const next = this.#waiting.reduce((soonest, { due }) => Math.min(soonest, due), end);
      world.run(Math.max(1, next - world.now), 20);
      const due = this.#waiting.filter((each) => each.due <= world.now);
      this.#waiting = this.#waiting.filter((each) => each.due > world.now);
      if (!this.#isOver) this.#inject(due.map((each) => ({ ...each, after: 0 })));
    }
    for (const node of world.all()) this.#delivered(node);
    await this.#follow();
  }

  #inject(sendings: readonly Sending[]): void {
    for (const datagram of this.#flying(sendings)) this.#scene.world.inject(datagram);
  }

  /** Routes are brought up to date when something was learned. */
  async #follow(): Promise<void> {
    for (const machine of this.#machines.values()) await machine.follow();
  }

  /** Nothing is delivered that was not sent, to anybody else, twice, or between members of no common group. */
  #delivered(node: SimNode): void {
    for (const packet of node.received.splice(0)) {
      const known = this.#packets.get(keyOf(packet));
      if (!known) this.#faults.add(`${node.name} got what nobody sent`);
      else if (known.talk.to !== node) this.#faults.add(`${node.name} got what was for ${known.talk.to.name}`);
      else if (!known.talk.isAllowed) this.#faults.add(`${node.name} got what ${known.talk.from.name} may not send it`);
      else if (++known.times > 1) this.#faults.add(`${node.name} got a packet twice`);
    }
  }

  /** Everybody has the newest keys, and goes on sending; how long it takes until each pair was heard. */
  async #recover(): Promise<number> {
    const { world, talks } = this.#scene;
    for (const node of world.all()) {
      world.launch(node, node.reload(world));
    }
    // and the server says where the others are
    for (const { node, peer, paths } of this.#places) node.engine.handleEndpoints(peer, paths);
    const begin = world.now;
    const first = this.#number;
    await this.#follow();
    const silent = new Set(talks.filter(({ isAllowed }) => isAllowed));
    while (silent.size > 0 && world.now < begin + BOUND) {
      for (const talk of silent) this.#send(talk);
      await this.#pass(EVERY);
      for (const [key, { talk, times }] of this.#packets) if (times > 0 && numberOf(key) >= first) silent.delete(talk);
    }
    for (const { source, destination } of silent) this.#faults.add(`${source} does not reach ${destination} again`);
    return world.now - begin;
  }

  #failed(why: Failure): number {
    return this.#scene.world.all().reduce((sum, node) => sum + node.counter(`discarded-${why}`), 0);
  }

  /** No datagram of any node holds a byte of what members sent, or their addresses inside. */
  #search(begin: number): void {
    const { world, talks } = this.#scene;
    const pairs = talks.map(({ source, destination }) => Buffer.concat([address(source), address(destination)]));
    const words = [Buffer.from(MARKER), ...pairs];
    for (const { from, to, bytes, arrives } of world.seen) {
      if (arrives < begin) continue;
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      if (words.some((word) => buffer.includes(word))) this.#faults.add(`clear text from ${from} to ${to}`);
    }
  }
}

function keyOf(packet: Uint8Array): string {
  return Buffer.from(packet.buffer, packet.byteOffset, packet.length).toString('latin1');
}

/** The number behind the marker. */
function numberOf(key: string): number {
  const bytes = Buffer.from(key, 'latin1');
  return bytes.readUInt32BE(bytes.indexOf(MARKER) + MARKER.length);
}
