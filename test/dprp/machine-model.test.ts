import { describe, expect, it } from 'vitest';
import { runMachines } from './machine-path.ts';
import { type ModelElement, modelPlan } from './path-model.ts';
import { flowsOf, type Network, picker, randomNetwork } from './random-network.ts';

const NETWORKS = 10_000;
/** The flow back is run, too, in every so many networks. */
const BOTH_WAYS = 4;
const FOUR_MESSAGES = [1, 2, 3, 4];

const SWAPPED = { S: 'D', D: 'S', N: 'N', B: 'B' } as const;

/** One flow of a network: the path there, and sometimes the path back. */
function pathsOf(network: Network, seed: number): (readonly ModelElement[])[] {
  const flows = flowsOf(network).filter(({ path }) => path.length > 0);
  if (flows.length === 0) return [];
  const { path } = flows[seed % flows.length];
  const back = path.toReversed().map((element) => ({ ...element, side: SWAPPED[element.side] }));
  return seed % BOTH_WAYS === 0 ? [path, back] : [path];
}

function asText(path: readonly ModelElement[]): string {
  const groups = (held: ModelElement['groups']) => [...held].map(([group, v]) => `${group}.${v}`).join();
  return path
    .map(({ name, closed, side, groups: held }) => `${name} ${closed ? 'CL' : 'OP'} ${side}{${groups(held)}}`)
    .join(' – ');
}

describe('DPRP by whole machines in 10,000 random networks', () => {
  it('gives every element the action of the model, in four messages', { timeout: 300_000 }, () => {
    const seen = new Map<string, number>();
    const count = (name: string) => seen.set(name, (seen.get(name) ?? 0) + 1);
    const wrong: string[] = [];
    for (let seed = 0; seed < NETWORKS; seed++)
      for (const path of pathsOf(randomNetwork(picker(seed)), seed)) {
        const plan = modelPlan(path);
        const run = runMachines(path);
        const [is, should] = [run.actions.join(' '), plan.actions.join(' ')];
        // an outer speaker's turn comes after those nearer to the terminal, who got no answer that they could use
        const sent = plan.ends?.[0] === 0 ? run.messages : run.messages.slice(-4);
        const messages = run.result !== 'encrypt' || `${sent}` === `${FOUR_MESSAGES}`;
        if (is === should && messages) {
          count(plan.result);
          if (plan.ends) count(`${plan.result} with ${plan.ends[1] - plan.ends[0] - 1} between`);
          continue;
        }
        wrong.push(`${asText(path)}\n  is ${is}, not ${should}; messages ${run.messages}`);
      }
    expect(wrong).toEqual([]);
    for (const result of ['encrypt', 'plain', 'discard', 'stale'])
      expect(seen.get(result), result).toBeGreaterThan(300);
    for (const between of [0, 1, 2, 3, 4])
      expect(seen.get(`encrypt with ${between} between`), `${between}`).toBeGreaterThan(10);
  });
});
