import { expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { AnswerBudget } from '../../src/dprp/answer-budget.ts';

const path = (host: number) => pathAddress(`10.0.0.${host}:47247`);
const NOW = millis(1_000);

it('one DDE is answered four times on a path, the first like each further one, and twelve times in all', () => {
  const budget = new AnswerBudget();
  const taken = (host: number) => Array.from({ length: 6 }, () => budget.take('dde', path(host), NOW));
  const four = [true, true, true, true, false, false];
  expect([taken(1), taken(2), taken(3), taken(4)]).toEqual([four, four, four, Array(6).fill(false)]);
  expect(budget.take('another', path(4), NOW)).toBe(true);
});

it('a DDE is answered anew once it is forgotten', () => {
  const budget = new AnswerBudget();
  for (let time = 0; time < 4; time++) budget.take('dde', path(1), NOW);
  budget.expire(millis(NOW + 39_999));
  expect(budget.take('dde', path(1), NOW)).toBe(false);
  budget.expire(millis(NOW + 40_000));
  expect(budget.take('dde', path(1), NOW)).toBe(true);
});
