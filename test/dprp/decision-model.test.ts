import { describe, expect, it } from 'vitest';
import { keyVersion, nodeId } from '../../src/base/brands.ts';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { type Decision, decide, overlayDecision } from '../../src/dprp/decision-table.ts';
import type { PathElement } from '../../src/dprp/path-element.ts';
import { DECISION_ROWS } from './decision-rows.ts';
import { closedKeepsQuiet, type ModelElement, type ModelPlan, mayEncrypt, modelPlan } from './path-model.ts';
import { actionsText, numbered } from './path-notation.ts';
import { flowsOf, picker, randomNetwork } from './random-network.ts';

const NETWORKS = 10_000;

/** The same element as the decision table takes it. */
function tableElement({ name, type, closed, side, groups }: ModelElement): PathElement {
  return {
    id: nodeId(toHex(utf8(name)).padEnd(32, '0').slice(0, 32)),
    type: type === 'GES' ? 'ges' : type === 'GEN' ? 'gen' : 'gea',
    mode: closed ? 'cl' : 'op',
    side: side === 'S' ? 's' : side === 'D' ? 'd' : side === 'N' ? 'n' : 'b',
    groups: new Map([...groups].map(([group, version]) => [numbered(group), keyVersion(version)])),
  };
}

const SWAPPED = { S: 'D', D: 'S', N: 'N', B: 'B' } as const;
/** The path as its other end writes it down. */
const fromTheOtherEnd = (path: readonly ModelElement[]) =>
  path.toReversed().map((element) => ({ ...element, side: SWAPPED[element.side] }));

/** A row of the published vectors as the model takes it. */
function modelPath(text: string): ModelElement[] {
  return text.split(' – ').map((element) => {
    const [, name, type, mode, side, held] = /^(\w+) (GES|GEN|GEA) (OP|CL) ([SDNB])\{([\d.,]*)\}$/.exec(element) ?? [];
    if (type !== 'GES' && type !== 'GEN' && type !== 'GEA') throw new Error(element);
    if (side !== 'S' && side !== 'D' && side !== 'N' && side !== 'B') throw new Error(element);
    const pairs = held.split(',').filter((part) => part !== '');
    const groups = new Map(pairs.map((part) => part.split('.').map(Number)).map(([group, v = 1]) => [group, v]));
    return { name, type, closed: mode === 'CL', side, groups };
  });
}

/** On each link the group of the ciphertext there, or null: what the table's plan does to one packet. */
function linksOf({ elements }: Decision): (number | null)[] {
  const links: (number | null)[] = [null];
  for (const { action, group } of elements) {
    const before = links.at(-1) ?? null;
    links.push(action === 'ENC' ? (before === null ? Number.parseInt(group ?? '', 16) : null) : before);
  }
  return links;
}

const RESULT = { encrypt: 'encrypt', 'relay-plain': 'plain', discard: 'discard', stale: 'stale' } as const;

function agrees(decision: Decision, plan: ModelPlan): boolean {
  const older = decision.stale?.element;
  const same = RESULT[decision.result] === plan.result && older === plan.older;
  return same && actionsText(decision) === plan.actions.join(' ');
}

describe('the brute-force model', () => {
  it.each(DECISION_ROWS)('%s: gives what the papers and the mixed cases say', (_, text, actions) => {
    expect(modelPlan(modelPath(text)).actions.join(' ')).toBe(actions);
  });
});

describe('in 10,000 random networks the decision table', () => {
  const flows = Array.from({ length: NETWORKS }, (_, seed) => flowsOf(randomNetwork(picker(seed)))).flat();

  it('has every kind of case before it', () => {
    const cases = new Map<string, number>();
    const seen = (name: string) => cases.set(name, (cases.get(name) ?? 0) + 1);
    for (const { path } of flows) {
      seen(`${path.length} elements`);
      for (const { type, side, closed } of path) seen(`${type} ${closed ? 'CL' : 'OP'} ${side}`);
      seen(decide(path.map(tableElement)).rule);
    }
    for (const length of [0, 1, 2, 3, 4, 5, 6])
      expect(cases.get(`${length} elements`), `${length}`).toBeGreaterThan(100);
    for (const mode of ['OP', 'CL']) {
      for (const side of ['S', 'D', 'N', 'B']) expect(cases.get(`GEN ${mode} ${side}`), side).toBeGreaterThan(100);
      for (const type of ['GES', 'GEA']) expect(cases.get(`${type} ${mode} D`), type).toBeGreaterThan(100);
    }
    const rules = ['common-group', 'old-version', 'closed-uncovered', 'no-common-group', 'no-element'];
    for (const rule of [...rules, 'open-no-common-group', 'open-no-element'])
      expect(cases.get(rule), rule).toBeGreaterThan(100);
    expect(cases.has('malformed-path')).toBe(false);
  });

  it('agrees with the model at every element of every flow, from both ends', () => {
    const wrong = flows.filter(({ path }) => {
      const back = fromTheOtherEnd(path);
      const [there, here] = [decide(path.map(tableElement)), decide(back.map(tableElement))];
      const sameBothWays = [...actionsText(here).split(' ')].reverse().join(' ') === actionsText(there);
      return !(agrees(there, modelPlan(path)) && agrees(here, modelPlan(back)) && sameBothWays);
    });
    expect(wrong).toEqual([]);
  });

  it('never lets clear text out of a closed element', () => {
    const loud = flows.filter(({ path }) => {
      const decision = decide(path.map(tableElement));
      const delivers = decision.result === 'encrypt' || decision.result === 'relay-plain';
      return delivers && !closedKeepsQuiet(path, linksOf(decision));
    });
    expect(loud).toEqual([]);
  });

  it('never leaves clear text between two members, and none at all towards the overlay', () => {
    const open = flows.filter(({ path }) => {
      const elements = path.map(tableElement);
      if (overlayDecision(elements).result === 'relay-plain') return true;
      const share = (a: ModelElement, b: ModelElement) => [...a.groups.keys()].some((group) => b.groups.has(group));
      const members = path.some((a, from) =>
        path.some((b, to) => mayEncrypt(path, from, 'S') && mayEncrypt(path, to, 'D') && share(a, b)),
      );
      return members && decide(elements).result === 'relay-plain';
    });
    expect(open).toEqual([]);
  });
});
