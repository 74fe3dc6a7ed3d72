import { describe, expect, it } from 'vitest';
import { decide, overlayDecision, RULES } from '../../src/dprp/decision-table.ts';
import { DECISION_ROWS } from './decision-rows.ts';
import { actionsText, numbered, parsePathText } from './path-notation.ts';

describe('the decision table', () => {
  it.each(DECISION_ROWS)('%s: %s gives %s', (_, text, actions) => {
    expect(actionsText(decide(parsePathText(text)))).toBe(actions);
  });

  it('M13: tells X that its group 5 is old', () => {
    const { alsoOld } = decide(parsePathText('X GES OP S{5.1,7} – Y GES OP D{5.2,7}'));
    expect(alsoOld).toEqual([{ group: numbered(5), element: 0 }]);
  });

  it.each([
    ['M14', 'X GES OP S{1.1} – Y GES CL D{1.2}', 0],
    ['M15', 'X GES OP S{1.3} – Y GES CL D{1.2}', 1],
  ] as const)('%s: names the older side, whichever it is', (_, text, element) => {
    expect(decide(parsePathText(text))).toMatchObject({ result: 'stale', stale: { group: numbered(1), element } });
  });

  it('takes the lowest group where two intervals are equally long', () => {
    const low = 'A GEN OP S{1} – B GEN OP S{2} – C GEN OP D{1} – D GEN OP D{2}';
    expect(actionsText(decide(parsePathText(low)))).toBe('ENC(1) RELAY-C ENC(1) RELAY-P');
    const high = 'A GEN OP S{2} – B GEN OP S{1} – C GEN OP D{2} – D GEN OP D{1}';
    expect(actionsText(decide(parsePathText(high)))).toBe('RELAY-P ENC(1) RELAY-C ENC(1)');
  });

  it('takes the longest interval even where a shorter one has equal versions', () => {
    const long = 'A GEN OP S{1.1} – B GEN OP S{2} – C GEN OP D{2} – D GEN OP D{1.2}';
    expect(decide(parsePathText(long))).toMatchObject({ result: 'stale', stale: { group: numbered(1), element: 0 } });
  });
});

/** Which rule was used, on ordinary routes and towards the overlay. */
const REASONS = [
  ['X GES OP S{1} – Y GES OP D{1}', 'common-group', 'common-group'],
  ['X GES OP S{1.1} – Y GES OP D{1.2}', 'old-version', 'old-version'],
  ['X GES OP S{1} – Y GES CL D{2}', 'no-common-group', 'no-common-group'],
  ['X GES OP S{1} – Y GES OP D{2}', 'open-no-common-group', 'no-common-group'],
  ['X GES OP S{1}', 'open-no-element', 'no-common-group'],
  ['X GES CL S{1}', 'no-element', 'no-element'],
  ['I GEN CL S{1} – O GEN CL S{2} – Y GES OP D{2}', 'closed-uncovered', 'closed-uncovered'],
  ['I GEN OP S{1} – O GEN CL S{2} – Y GES OP D{2}', 'common-group', 'common-group'],
] as const;

describe('the rule behind a decision', () => {
  it.each(REASONS)('of %s is %s, towards the overlay %s', (text, ordinary, overlay) => {
    const elements = parsePathText(text);
    expect(decide(elements).rule).toBe(ordinary);
    expect(overlayDecision(elements).rule).toBe(overlay);
    expect(RULES[ordinary].sentence).toMatch(/^[A-Z].*\.$/);
  });

  it('C1: towards the overlay no path is relayed in clear text', () => {
    for (const [text] of REASONS) expect(overlayDecision(parsePathText(text)).result).not.toBe('relay-plain');
  });
});

describe('a path that cannot be', () => {
  it.each([
    ['a destination before a source', 'Y GES OP D{1} – X GES OP S{1}'],
    ['transit before a source', 'T GEN OP N{1} – X GEN OP S{1}'],
    ['a destination before transit', 'X GES OP S{1} – Y GEN OP D{1} – T GEN OP N{1}'],
    ['a GES between others', 'G GEN OP S{1} – X GES OP S{1} – Y GES OP D{1}'],
    ['a GES in transit', 'X GES OP S{1} – T GES OP N{1} – Y GES OP D{1}'],
    ['a GES before its GEN at the destination', 'X GES OP S{1} – Y GES OP D{1} – G GEN OP D{1}'],
    ['a GEA between others', 'X GES OP S{1} – A GEA CL D{1} – Y GES OP D{1}'],
    ['one element twice', 'G GEN OP S{1} – G GEN OP D{1}'],
  ])('is discarded: %s', (_, text) => {
    const decision = decide(parsePathText(text));
    expect(decision).toMatchObject({ result: 'discard', rule: 'malformed-path' });
    expect(decision.elements.every(({ action }) => action === 'DISCARD')).toBe(true);
  });
});
