import type { Counts, Sums } from './counts.ts';

type Way = keyof Sums;

/** The ways in the order of their lines, with the colour of each. */
const WAYS: readonly (readonly [way: Way, name: string, colour: string])[] = [
  ['ipsec', 'IPsec/IKE', '#cf222e'],
  ['kink', 'KINK', '#bf8700'],
  ['wireguard', 'WireGuard by hand', '#8250df'],
  ['gscip', "GSCIP, papers' rule", '#1a7f37'],
  ['typed', 'GSCIP, as typed', '#2f81f7'],
];

const PANEL = { width: 330, height: 270, top: 56 } as const;
const GREY = '#7d8590';
const LEAST = 10;
const MOST = 100_000_000;
const DECADES = Math.log10(MOST / LEAST);

/** Items over hosts, both axes logarithmic: departments on the left, one group on the right. */
export function plot({ sizes }: Counts): string {
  const hosts = sizes.map((size) => size.hosts);
  const panels = [
    panel('departments behind routers', 70, hosts, (way) => sizes.map(({ departments }) => departments[way])),
    panel('one group, everyone with everyone', 460, hosts, (way) => sizes.map(({ oneGroup }) => oneGroup[way])),
  ];
  const font = `font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 400" width="820" height="400" role="img" aria-labelledby="t d" ${font}>`,
    '  <title id="t">What a person must enter, by the number of hosts</title>',
    '  <desc id="d">The figures of the two tables beside this picture, on logarithmic axes. GSCIP grows with the hosts, the others with their pairs.</desc>',
    ...panels.flat(),
    ...legend(),
    '</svg>',
    '',
  ].join('\n');
}

function panel(title: string, left: number, hosts: readonly number[], of: (way: Way) => readonly number[]): string[] {
  const bottom = PANEL.top + PANEL.height;
  const x = (count: number) =>
    left + (PANEL.width * Math.log(count / hosts[0])) / Math.log((hosts.at(-1) ?? 1) / hosts[0]);
  const y = (items: number) => bottom - (PANEL.height * Math.log10(items / LEAST)) / DECADES;
  const grid = Array.from({ length: DECADES + 1 }, (_, at) => LEAST * 10 ** at).flatMap((items) => [
    `  <path d="M${left} ${tenth(y(items))} h${PANEL.width}" stroke="${GREY}" stroke-opacity="0.3"/>`,
    text(left - 6, y(items) + 4, 'end', short(items)),
  ]);
  const lines = WAYS.flatMap(([way, , colour]) => {
    const points = of(way).map((items, at) => `${tenth(x(hosts[at]))},${tenth(y(items))}`);
    const dots = points.map((point) => `<circle cx="${point.replace(',', '" cy="')}" r="3"/>`).join('');
    return [
      `  <polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      `  <g fill="${colour}">${dots}</g>`,
    ];
  });
  return [
    `  ${text(left + PANEL.width / 2, PANEL.top - 14, 'middle', title, '600').trim()}`,
    ...grid,
    ...hosts.map((count) => text(x(count), bottom + 18, 'middle', count.toLocaleString('en-US'))),
    text(left + PANEL.width / 2, bottom + 36, 'middle', 'hosts; upwards: items'),
    ...lines,
  ];
}

function legend(): string[] {
  return WAYS.flatMap(([, name, colour], at) => [
    `  <path d="M${70 + at * 148} 386 h18" stroke="${colour}" stroke-width="3"/>`,
    text(94 + at * 148, 390, 'start', name),
  ]);
}

function text(x: number, y: number, anchor: string, words: string, weight = '400'): string {
  return `  <text x="${tenth(x)}" y="${tenth(y)}" text-anchor="${anchor}" fill="${GREY}" font-weight="${weight}">${words}</text>`;
}

/** 100, 10 k, 1 M */
function short(items: number): string {
  if (items >= 1_000_000) return `${items / 1_000_000} M`;
  return items >= 1_000 ? `${items / 1_000} k` : `${items}`;
}

function tenth(value: number): string {
  return `${Math.round(value * 10) / 10}`;
}
