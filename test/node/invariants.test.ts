import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Invariants } from './invariants.ts';
import { numbersOf } from './packets.ts';
import { type Happening, happenings, type Setting, Story, setting } from './story.ts';
import type { SimNode } from './world.ts';

const PORTS = [5_000, 5_001, 5_002];

/** Every member talks with every other one, in both directions of their flows. */
function everybodyTalks(story: Story, times: number, every: number): void {
  const members = story.members();
  for (let n = 0; n < times; n++) {
    for (const from of members) for (const to of members) story.packet(from, to, PORTS[n % 3], from.name > to.name);
    story.world.run(every, 50);
  }
}

function told(
  given: Setting,
  events: readonly Happening[],
): { readonly story: Story; readonly invariants: Invariants } {
  const story = new Story(given);
  const invariants = new Invariants(story);
  story.watch(invariants);
  for (const step of events) story.happen(step);
  return { story, invariants };
}

/** Version pairs of members that share no SA. */
function apart(members: readonly SimNode[]): string[] {
  return members.flatMap((one) =>
    members.flatMap((other) => {
      const versions = (node: SimNode, peer: SimNode) =>
        [...node.engine.node.sas.sas()].filter((sa) => sa.peer === peer.keys.self().id).map(({ version }) => version);
      const shared = versions(one, other).some((version) => versions(other, one).includes(version));
      return one === other || shared ? [] : [`${one.name} ${other.name}`];
    }),
  );
}

describe('two to four members of a group, whatever befalls them', () => {
  it('keep V1 to V7 at every step: versions, losses, removals, entries, SAs and keys', () => {
    fc.assert(
      fc.property(setting, happenings, (given, events) => {
        const { story, invariants } = told(given, events);
        // nothing was delivered twice
        for (const node of story.nodes()) {
          const numbers = numbersOf(node);
          expect(new Set(numbers).size, 'each at most once').toBe(numbers.length);
        }
        expect(invariants.faults).toEqual([]);
      }),
      { numRuns: 60, seed: 7 },
    );
  }, 60_000);

  it('V8: share an SA within a minute of talking when the server and the network are there, from any mix of versions', () => {
    fc.assert(
      fc.property(setting, happenings, (given, events) => {
        const { story, invariants } = told(given, events);
        story.setWire(0, 0);
        story.happen({ kind: 'server', up: true });
        everybodyTalks(story, 60, 1_000);
        const members = story.members();
        expect(apart(members)).toEqual([]);
        for (const node of members) node.received.length = 0;
        everybodyTalks(story, 6, 200);
        expect(members.map(({ received }) => received.length)).toEqual(members.map(() => 6 * (members.length - 1)));
        expect(invariants.faults).toEqual([]);
      }),
      { numRuns: 40, seed: 8 },
    );
  }, 60_000);
});
