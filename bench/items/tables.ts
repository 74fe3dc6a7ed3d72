import { markdownTable } from '../tools/table.ts';
import type { Counts, Sums } from './counts.ts';
import { type Row, rowSum, sumOf } from './papers-rule.ts';
import { FIGURE_6, FIGURE_6_NEWCOMER } from './records.ts';

/** Every part of the page that is counted, by the name of its place in it. */
export function pageParts(counts: Counts): ReadonlyMap<string, string> {
  return new Map([
    ['papers', papers(counts)],
    ['rows', rows(counts)],
    ['record', `\`\`\`\n${FIGURE_6.join('\n')}\n\`\`\``],
    ['newcomer', `\`\`\`\n${FIGURE_6_NEWCOMER.join('\n')}\n\`\`\``],
    ['departments', bySize(counts, ({ departments }) => departments)],
    ['one-group', bySize(counts, ({ oneGroup }) => oneGroup)],
  ]);
}

function papers({ figure6, slides, move, newcomer }: Counts): string {
  const network = (name: string, { typed, gscip, ipsec, kink, wireguard }: Sums) =>
    [name, typed, gscip, ipsec, kink, wireguard].map(number);
  return markdownTable(
    ['', 'GSCIP, typed', 'GSCIP, rule', 'IPsec/IKE', 'KINK', 'WireGuard'],
    [
      network('figure 6', figure6),
      ['GES2 moves', move.typed, move.gscip, move.ipsec, '–', move.wireguard].map(number),
      ['GES4 comes', newcomer.typed, newcomer.gscip, newcomer.ipsec, '–', newcomer.wireguard].map(number),
      network('slides', slides),
    ],
  );
}

function rows({ figure6 }: Counts): string {
  const parts = ({ keys, policies, device }: Row) => `${keys} + ${policies} + ${device}`;
  const lines = figure6.gscipRows.map((row, at) => {
    const other = figure6.ipsecRows[at];
    return [row.name, parts(row), `${rowSum(row)}`, parts(other), `${rowSum(other)}`];
  });
  const total = ['sum', sumParts(figure6.gscipRows), `${sumOf(figure6.gscipRows)}`];
  const last = [...total, sumParts(figure6.ipsecRows), `${sumOf(figure6.ipsecRows)}`];
  const head = ['', 'GSCIP: keys + actions + element', 'sum', 'IPsec: keys + policies + IKE', 'sum'];
  return markdownTable(head, [...lines, last]);
}

function sumParts(of: readonly Row[]): string {
  const sum = (part: 'keys' | 'policies' | 'device') => of.reduce((total, row) => total + row[part], 0);
  return `${sum('keys')} + ${sum('policies')} + ${sum('device')}`;
}

function bySize({ sizes }: Counts, pick: (size: Counts['sizes'][number]) => Sums): string {
  const lines = sizes.map((size) => {
    const { typed, gscip, ipsec, kink, wireguard } = pick(size);
    return [size.hosts, typed, gscip, ipsec, kink, wireguard].map(number);
  });
  return markdownTable(['hosts', 'GSCIP, typed', 'GSCIP, rule', 'IPsec/IKE', 'KINK', 'WireGuard'], lines);
}

/** 12,345, whatever the machine's language. */
function number(value: number | string): string {
  return typeof value === 'string' ? value : value.toLocaleString('en-US');
}

/** Puts the parts into their places of a page: between `<!-- items: NAME -->` and the next `<!-- /items -->`. */
export function withParts(page: string, parts: ReadonlyMap<string, string>): string {
  let rest = page;
  for (const [name, text] of parts) {
    const begin = `<!-- items: ${name} -->`;
    const at = rest.indexOf(begin);
    const end = rest.indexOf('<!-- /items -->', at);
    if (at < 0 || end < 0) throw new Error(`the page has no place for ${name}`);
    rest = `${rest.slice(0, at)}${begin}\n${text}\n${rest.slice(end)}`;
  }
  return rest;
}
