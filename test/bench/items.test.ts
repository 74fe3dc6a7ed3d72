import { describe, expect, it } from 'vitest';
import { countAll } from '../../bench/items/counts.ts';
import { followRecord } from '../../bench/items/network.ts';
import { rowSum } from '../../bench/items/papers-rule.ts';
import { plot } from '../../bench/items/plot.ts';
import { pageParts, withParts } from '../../bench/items/tables.ts';
import { typedCommand } from '../../bench/items/typed-command.ts';
import { readText } from '../rules/repository.ts';

const counts = await countAll();

describe('the count of what a person must enter', () => {
  it.each([
    ['figure 6, GSCIP', counts.figure6.gscip, 38],
    ['figure 6, IPsec', counts.figure6.ipsec, 174],
    ['a move, GSCIP', counts.move.gscip, 0],
    ['a move, IPsec', counts.move.ipsec, 20],
    ['a newcomer, GSCIP', counts.newcomer.gscip, 10],
    ['the slides, GSCIP', counts.slides.gscip, 57],
    ['the slides, IPsec', counts.slides.ipsec, 280],
  ])("%s: the papers' figure comes out of their rule", (_, counted, printed) => {
    expect(counted).toBe(printed);
  });

  it('has the rows that the paper prints for figure 6', () => {
    const rows = counts.figure6.gscipRows.map((row, at) => [
      row.name,
      rowSum(row),
      rowSum(counts.figure6.ipsecRows[at]),
    ]);
    expect(rows).toEqual([
      ['GES1', 6, 28],
      ['GES2', 10, 44],
      ['GES3', 6, 28],
      ['GEN', 6, 30],
      ['GEA', 10, 44],
    ]);
  });

  it('is what stands in the page and in its picture', () => {
    const page = readText('docs/guide/settings.md');
    expect(withParts(page, pageParts(counts))).toBe(page);
    expect(plot(counts)).toBe(readText('docs/guide/settings.svg'));
  });

  it.each([
    ['gscip up --join TOKEN', 1],
    ['gscip admin group add lab', 1],
    ['gscip admin group admit lab laptop', 2],
    ['gscip admin token create --user alice --groups lab,home', 3],
    ['gscip admin token create --user a --groups b --type gen --mode cl --routes 10.1.0.0/16,10.2.0.0/16', 6],
    ['gscip admin token create --user a --groups b --approval', 3],
    ['gscip server --network company', 1],
  ])('%s: %i items', async (line, items) => {
    expect((await typedCommand(line)).items).toBe(items);
  });

  it.each([
    ['an option that is not there', 'gscip up --token TOKEN', /unknown option/],
    ['a type that is not there', 'gscip admin token create --user a --groups b --type hub', /Allowed choices/],
    ['a missing option', 'gscip admin token create --user a', /required option/],
    ['a missing argument', 'gscip admin group add', /missing required argument/],
    ['a verb that is not there', 'gscip start', /no verb/],
  ])('refuses %s, as gscip does', async (_, line, message) => {
    await expect(typedCommand(line)).rejects.toThrow(message);
  });

  it.each([
    [
      'a group that is not there',
      ['s# gscip admin user add a', 's# gscip admin token create --user a --groups b'],
      /no group b/,
    ],
    ['a user who is not there', ['s# gscip admin token create --user a --groups b'], /no user a/],
    ['a node that has not joined', ['s# gscip admin group add b', 's# gscip admin group admit b x'], /no node x/],
    [
      'a token that is used up',
      [
        's# gscip admin user add a',
        's# gscip admin group add b',
        's# gscip admin token create --user a --groups b',
        'x# gscip up --join TOKEN',
        'y# gscip up --join TOKEN',
      ],
      /no token for y/,
    ],
  ])('follows no record with %s', async (_, record, message) => {
    await expect(followRecord(record)).rejects.toThrow(message);
  });
});
