import { describe, expect, it } from 'vitest';
import { keyVersion } from '../../src/base/brands.ts';
import type { ElementPlan } from '../../src/dprp/decision-table.ts';
import type { PathElement } from '../../src/dprp/path-element.ts';
import { refuseOrder } from '../../src/dprp/refuse-order.ts';
import { numbered, parsePathText } from './path-notation.ts';

const element = (text: string): PathElement => parsePathText(text)[0];
const ciphertext: ElementPlan = { action: 'RELAY-C', group: numbered(2), version: keyVersion(1) };
const clear: ElementPlan = { action: 'RELAY-P' };
const encrypt = (group: number, version: number): ElementPlan => ({
  action: 'ENC',
  group: numbered(group),
  version: keyVersion(version),
});
const NO_GROUP: ElementPlan = { action: 'ENC' };
const across = { encryptsInside: true, encryptsOutside: true };
const outside = { encryptsInside: false, encryptsOutside: true };
const inside = { encryptsInside: true, encryptsOutside: false };

const CLOSED = element('G GEN CL S{1.2}');

describe('an element', () => {
  it.each([
    ['type', element('G GES CL S{1.2}')],
    ['mode', element('G GEN OP S{1.2}')],
    ['side', element('G GEN CL N{1.2}')],
    ['id', element('H GEN CL S{1.2}')],
    ['groups', element('G GEN CL S{}')],
    ['version of a group', element('G GEN CL S{1.1}')],
    ['groups, one too many', element('G GEN CL S{1.2,3}')],
  ])('refuses an order that misquotes its %s', (_, quoted) => {
    expect(refuseOrder(CLOSED, { quoted, plan: ciphertext, ...across })).toBe('misquoted');
  });

  it.each([
    ['its newest version', encrypt(1, 2), null],
    ['an older version', encrypt(1, 1), 'not-newest'],
    ['a newer version', encrypt(1, 3), 'not-newest'],
    ['a group it is not in', encrypt(3, 2), 'not-newest'],
    ['no group at all', NO_GROUP, 'not-newest'],
  ])('asked to encrypt under %s, says %s', (_, plan, refusal) => {
    expect(refuseOrder(CLOSED, { quoted: CLOSED, plan, ...outside })).toBe(refusal);
  });

  it.each([
    ['closed at the source', 'G GEN CL S{}', 'clear-text-through-closed'],
    ['closed at the destination', 'G GEN CL D{}', 'clear-text-through-closed'],
    ['closed in transit', 'G GEN CL N{}', null],
    ['closed around both ends', 'G GEN CL B{}', null],
    ['open', 'G GEN OP S{}', null],
  ])('%s, asked to pass clear text, says %s', (_, text, refusal) => {
    const own = element(text);
    expect(refuseOrder(own, { quoted: own, plan: clear, ...across })).toBe(refusal);
  });

  it.each([
    ['closed, with the ends on both sides of it', 'G GEN CL S{}', across, null],
    ['closed, with both ends outside', 'G GEN CL S{}', outside, 'uncovered'],
    ['closed, with both ends inside', 'G GEN CL D{}', inside, 'uncovered'],
    ['closed in transit', 'G GEN CL N{}', outside, null],
    ['open, with both ends outside', 'G GEN OP S{}', outside, null],
  ])('%s, asked to pass ciphertext, says %s', (_, text, ends, refusal) => {
    const own = element(text);
    expect(refuseOrder(own, { quoted: own, plan: ciphertext, ...ends })).toBe(refusal);
  });

  it('never refuses to discard', () => {
    expect(refuseOrder(CLOSED, { quoted: CLOSED, plan: { action: 'DISCARD' }, ...inside })).toBeNull();
  });
});
