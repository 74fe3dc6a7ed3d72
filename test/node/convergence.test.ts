import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { numbered, numbersOf, swapPorts } from './packets.ts';
import { pair, type SimNode, type World } from './world.ts';

/** What may befall two nodes. Times in milliseconds. */
type Event =
  | { readonly kind: 'pass'; readonly time: number }
  | { readonly kind: 'send'; readonly who: 0 | 1; readonly port: number; readonly answer: boolean }
  | { readonly kind: 'roll' }
  | { readonly kind: 'reload' | 'restart' | 'flush' | 'flush-sas' | 'jump' | 'end' | 'move'; readonly who: 0 | 1 }
  | { readonly kind: 'wire'; readonly loss: number; readonly late: number };

const who = fc.constantFrom<0 | 1>(0, 1);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(5, 40, 300, 3_000, 20_000, 70_000).map((time) => ({ kind: 'pass', time }) as const),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      who,
      port: fc.constantFrom(5_000, 5_001, 5_002),
      answer: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'roll' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('reload' as const, 'restart', 'flush', 'flush-sas', 'jump', 'end', 'move'),
      who,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('wire' as const),
      loss: fc.constantFrom(0, 0.3, 1),
      late: fc.constantFrom(0, 30, 400),
    }),
  },
);

class Story {
  readonly world: World;
  readonly nodes: [SimNode, SimNode];
  #number = 0;
  #places = 0;
  #rolls = 0;
  #fate = 1;

  constructor() {
    const { world, a, b } = pair();
    this.world = world;
    this.nodes = [a, b];
  }

  happen(step: Event): void {
    const { world, nodes } = this;
    switch (step.kind) {
      case 'pass':
        return world.run(step.time, 50);
      case 'send':
        return this.send(step.who, step.port, step.answer);
      case 'roll':
        // the node must keep up with its authority: nobody rolls eight times unheard
        if (this.#rolls++ < 4) world.authority.roll('office');
        return;
      case 'reload':
        return world.launch(nodes[step.who], nodes[step.who].reload(world));
      case 'wire':
        return this.setWire(step.loss, step.late);
      case 'restart':
        nodes[step.who] = world.restart(nodes[step.who]);
        return;
      case 'move':
        return world.move(nodes[step.who], `10.1.0.${++this.#places}:4000`);
      default:
        return this.#act(step.kind, nodes[step.who]);
    }
  }

  /** A packet of a flow; with `answer` in the other direction of the flow that the other end would open. */
  send(who: 0 | 1, port: number, answer: boolean): void {
    const [from, to] = who === 0 ? this.nodes : [this.nodes[1], this.nodes[0]];
    const packet = numbered(from, to, this.#number++, port);
    this.world.send(from, answer ? swapPorts(packet) : packet);
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

  #act(kind: 'flush' | 'flush-sas' | 'jump' | 'end', node: SimNode): void {
    const { world } = this;
    if (kind === 'jump') node.engine.handleClockJump(world.now);
    else if (kind === 'end') node.engine.shutDown(world.now);
    else node.engine.flush(kind === 'flush-sas', world.now);
    world.launch(node, node.carryOut());
  }
}

describe('two nodes, whatever befell them', () => {
  it('talk again without a loss once the network is whole and both have read their bundles', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25 }), (events) => {
        const story = new Story();
        for (const step of events) story.happen(step);
        const { world, nodes } = story;
        story.setWire(0, 0);
        for (const node of nodes) {
          world.launch(node, node.reload(world));
          for (const other of nodes) if (other !== node) node.engine.node.paths.hint(other.keys.self().id, other.path);
        }
        // silence is noticed after 15 s, a failure is left alone for 10 s, a negotiation is given up after 15 s
        for (let second = 0; second < 60; second++) {
          for (const port of [5_000, 5_001, 5_002]) {
            story.send(0, port, false);
            story.send(1, port, true);
          }
          world.run(1_000, 100);
        }
        for (const node of nodes) {
          const numbers = numbersOf(node);
          expect(new Set(numbers).size, 'each at most once').toBe(numbers.length);
          node.received.length = 0;
        }
        for (let n = 0; n < 10; n++) {
          story.send(0, 5_000 + (n % 3), false);
          story.send(1, 5_000 + (n % 3), true);
          world.run(100, 50);
        }
        expect(nodes.map(({ received }) => received.length)).toEqual([10, 10]);
        const versions = nodes.map((node) => [...node.engine.node.sas.sas()].map(({ version }) => version));
        const newest = Math.max(...nodes[0].keys.groups()[0].versions.map(({ v }) => v));
        for (const held of versions) expect(Math.max(...held)).toBe(newest);
      }),
      { numRuns: 40, seed: 20 },
    );
  });
});
