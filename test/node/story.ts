import fc from 'fast-check';
import { millis } from '../../src/base/brands.ts';
import { type PacketPrimitives, PRIMITIVE_COUNTERS } from '../../src/base/primitives.ts';
import { numbered, swapPorts } from './packets.ts';
import { restartFromCache, type Server, served } from './served.ts';
import type { SimNode, World } from './world.ts';

export const NAMES = ['a', 'b', 'c', 'd'] as const;

const DAY = 86_400;
/** What would show that a datagram met no key, or the wrong one. */
const LOSSES = (['unknown-index', 'no-key', 'auth-failed'] as const).map((name) => PRIMITIVE_COUNTERS.indexOf(name));
/** Nodes keep the tags of eight versions. */
const MOST_ROLLS = 7;

/** What may happen to the members of one group. Times in milliseconds, delays and clock errors in seconds. */
export type Happening =
  | { readonly kind: 'pass'; readonly time: number }
  | {
      readonly kind: 'packet';
      readonly from: number;
      readonly to: number;
      readonly port: number;
      readonly answer: boolean;
    }
  | {
      readonly kind: 'talk';
      readonly from: number;
      readonly to: number;
      readonly port: number;
      readonly seconds: number;
    }
  | { readonly kind: 'roll'; readonly delay: number }
  | { readonly kind: 'remove' | 'add-again' | 'fetch' | 'restart'; readonly who: number }
  | { readonly kind: 'clock'; readonly who: number; readonly days: number }
  | { readonly kind: 'wire'; readonly loss: number; readonly late: number }
  | { readonly kind: 'server'; readonly up: boolean };

export interface Setting {
  readonly nodes: number;
  readonly retain: 'migrate' | 'flow';
  /** so many of the nodes are always on: they are pushed to, the others ask */
  readonly alwaysOn: number;
}

export const setting: fc.Arbitrary<Setting> = fc.record({
  nodes: fc.constantFrom(2, 3, 3, 4),
  retain: fc.constantFrom('migrate' as const, 'flow' as const),
  alwaysOn: fc.constantFrom(0, 1, 2, 4),
});

const who = fc.integer({ min: 0, max: 3 });
/** Two flows that live long, and others that are new each time. */
const port = fc.oneof(fc.constantFrom(5_000, 5_001), fc.integer({ min: 10_000, max: 60_000 }));

export const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(5, 300, 3_000, 20_000, 65_000).map((time) => ({ kind: 'pass', time }) as const),
    },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('packet' as const), from: who, to: who, port, answer: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('talk' as const),
        from: who,
        to: who,
        port,
        seconds: fc.constantFrom(2, 20, 70, 190),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('roll' as const), delay: fc.constantFrom(0, 0, 2, 40) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom('remove' as const, 'add-again', 'add-again', 'fetch', 'fetch', 'restart'),
        who,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('clock' as const), who, days: fc.constantFrom(-1, 0, 1) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('wire' as const),
        loss: fc.constantFrom(0, 0, 0, 0.3, 1),
        late: fc.constantFrom(0, 30, 400),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('server' as const), up: fc.boolean() }) },
  ),
  { maxLength: 20, size: 'max' },
);

/** Who watches a story; each is called at the moment of which it speaks. */
export interface Watcher {
  /** a step of time is over, or something was done to the nodes */
  afterStep(): void;
  /** a node is there with nothing but what it kept, or its clock jumped: no SA of before is there */
  forgot(node: SimNode): void;
  /** the authority made new versions, for whoever is a member now */
  versionsMade(): void;
  /** a member was removed */
  removed(): void;
  /** a data datagram that came met no key, or the wrong one */
  unopened(node: SimNode, index: number): void;
  /** a node that may be watched from its beginning */
  started(node: SimNode): void;
}

/** Two to four members of one group, the server that rolls their key, and what befalls them all. */
export class Story {
  readonly world: World;
  readonly server: Server;
  readonly #alwaysOn: ReadonlySet<string>;
  readonly #nodes = new Map<string, SimNode>();
  #watcher: Watcher | undefined;
  #number = 0;
  #rolls = 0;
  #fate = 1;

  constructor({ nodes: count, retain, alwaysOn }: Setting) {
    const names = NAMES.slice(0, count);
    this.#alwaysOn = new Set(names.slice(0, alwaysOn));
    const { world, server, nodes } = served(names, { retain }, { wrap: (it) => this.#watched(it) });
    this.world = world;
    this.server = server;
    for (const node of nodes) this.#nodes.set(node.name, node);
    const serve = world.meanwhile;
    world.meanwhile = () => {
      serve();
      this.#watcher?.afterStep();
    };
  }

  watch(watcher: Watcher): void {
    this.#watcher = watcher;
    for (const node of this.nodes()) watcher.started(node);
  }

  nodes(): SimNode[] {
    return [...this.#nodes.values()];
  }

  members(): SimNode[] {
    return this.nodes().filter(({ name }) => this.world.authority.isNode(name));
  }

  happen(step: Happening): void {
    const { world, server } = this;
    switch (step.kind) {
      case 'pass':
        world.run(step.time, 100);
        break;
      case 'packet':
        this.packet(this.#at(step.from), this.#at(step.to), step.port, step.answer);
        break;
      case 'talk':
        this.talk(this.#at(step.from), this.#at(step.to), step.port, step.seconds);
        break;
      case 'roll':
        if (this.#rolls++ >= MOST_ROLLS) return;
        world.authority.roll('office', step.delay);
        this.#newVersions();
        break;
      case 'wire':
        this.setWire(step.loss, step.late);
        break;
      case 'server':
        server.up = step.up;
        if (step.up) server.push(...this.members().filter(({ name }) => this.#alwaysOn.has(name)));
        break;
      case 'clock':
        this.#stepClock(this.#at(step.who), step.days);
        break;
      default:
        this.#befall(step.kind, this.#at(step.who));
    }
    this.#watcher?.afterStep();
  }

  /** A packet of a flow; with `answer` in the other direction of the flow that the other end would open. */
  packet(from: SimNode, to: SimNode, port: number, answer: boolean): void {
    if (from === to) return;
    const packet = numbered(from, to, this.#number++, port);
    this.world.send(from, answer ? swapPorts(packet) : packet);
  }

  /** A packet each second, answered. */
  talk(from: SimNode, to: SimNode, port: number, seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.packet(from, to, port, false);
      this.packet(to, from, port, true);
      this.world.run(1_000, 100);
    }
  }

  setWire(loss: number, late: number): void {
    // the same at each run
    const next = () => {
      this.#fate = (this.#fate * 48_271) % 0x7fffffff;
      return this.#fate / 0x7fffffff;
    };
    this.world.wire = (it) =>
      next() < loss ? [] : [{ ...it, arrives: millis(it.arrives + Math.floor(next() * late)) }];
  }

  /** What is always on hears at once. */
  #newVersions(): void {
    this.#watcher?.versionsMade();
    if (this.server.up) this.server.push(...this.members().filter(({ name }) => this.#alwaysOn.has(name)));
  }

  #befall(kind: 'remove' | 'add-again' | 'fetch' | 'restart', node: SimNode): void {
    const { world, server } = this;
    const isMember = world.authority.isNode(node.name);
    switch (kind) {
      case 'fetch':
        if (server.up) server.push(node);
        return;
      case 'remove':
        if (!isMember || this.members().length <= 2 || this.#rolls++ >= MOST_ROLLS) return;
        world.authority.remove(node.name);
        this.#watcher?.removed();
        return this.#newVersions();
      case 'add-again':
        if (isMember || this.#rolls++ >= MOST_ROLLS) return;
        world.authority.addAgain(node.name, ['office']);
        this.#newVersions();
        return server.push(node);
      case 'restart':
        return this.#restart(node);
    }
  }

  #restart(node: SimNode): void {
    // a node that was told that it is out has nothing to start with
    if (node.keys.groups().length === 0) return;
    const started = restartFromCache(this.world, node, { wrap: (it) => this.#watched(it) });
    this.#nodes.set(node.name, started);
    this.#watcher?.forgot(started);
    this.#watcher?.started(started);
    if (this.server.up) this.server.push(started);
  }

  /** A step that the computer's clock makes drops all SAs (protocol.md 3.4). */
  #stepClock(node: SimNode, days: number): void {
    if (node.clockError === days * DAY) return;
    node.clockError = days * DAY;
    node.engine.handleClockJump(this.world.now);
    this.#watcher?.forgot(node);
    this.world.launch(node, node.carryOut());
  }

  #at(number: number): SimNode {
    const all = this.nodes();
    return all[number % all.length];
  }

  /** Tells of every datagram that primitives could not open. */
  #watched(inner: PacketPrimitives): PacketPrimitives {
    const open: PacketPrimitives['openBatch'] = (arena, ...given) => {
      const index = new DataView(arena.buffer, arena.byteOffset).getUint32(4);
      const before = Float64Array.from(inner.counters());
      const count = inner.openBatch(arena, ...given);
      const after = inner.counters();
      const node = this.nodes().find(({ primitives }) => primitives === proxy);
      if (node && LOSSES.some((at) => after[at] > before[at])) this.#watcher?.unopened(node, index);
      return count;
    };
    const proxy: PacketPrimitives = new Proxy(inner, {
      get(target, name) {
        if (name === 'openBatch') return open;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return proxy;
  }
}
