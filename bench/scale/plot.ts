import { short } from '../tools/statistics.ts';

/** One line of a panel: y over x. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  /** what x counts; its axis is logarithmic, that of y begins at 0 */
  readonly across: string;
  readonly lines: readonly Line[];
}

const SIZE = { width: 330, height: 180, left: 70, top: 44, apart: 90, row: 290 } as const;
const COLOURS = ['#1a7f37', '#2f81f7', '#bf8700', '#cf222e'];
const GREY = '#7d8590';

/** Panels two beside each other. */
export function plot(title: string, panels: readonly Panel[]): string {
  const [width, height] = [2 * (SIZE.left + SIZE.width) + 40, Math.ceil(panels.length / 2) * SIZE.row];
  const font = `font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12"`;
  const box = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img" aria-labelledby="t" ${font}>`,
    `  <title id="t">${title}</title>`,
    ...panels.flatMap((panel, at) => drawn(panel, SIZE.left + (at % 2) * (SIZE.width + SIZE.apart), at)),
    '</svg>',
    '',
  ].join('\n');
}

function drawn({ title, across, lines }: Panel, left: number, at: number): string[] {
  const top = SIZE.top + Math.floor(at / 2) * SIZE.row;
  const bottom = top + SIZE.height;
  const all = lines.flatMap(({ points }) => points).filter(([, y]) => Number.isFinite(y));
  const xs = [...new Set(all.map(([x]) => x))].sort((a, b) => a - b);
  const most = ceiling(Math.max(0, ...all.map(([, y]) => y)));
  const [least = 1, widest = 1] = [xs[0], xs.at(-1)];
  const x = (value: number) => left + (SIZE.width * Math.log(value / least)) / (Math.log(widest / least) || 1);
  const y = (value: number) => bottom - (SIZE.height * value) / most;
  const grid = [0, 1, 2, 3, 4].flatMap((quarter) => [
    `  <path d="M${left} ${tenth(y((most * quarter) / 4))} h${SIZE.width}" stroke="${GREY}" stroke-opacity="0.3"/>`,
    text(left - 6, y((most * quarter) / 4) + 4, 'end', short((most * quarter) / 4)),
  ]);
  return [
    text(left + SIZE.width / 2, top - 14, 'middle', title, '600'),
    ...grid,
    ...xs.map((value) => text(x(value), bottom + 18, 'middle', short(value))),
    text(left + SIZE.width / 2, bottom + 36, 'middle', across),
    ...lines.flatMap(({ name, points }, line) => {
      const colour = COLOURS[line % COLOURS.length];
      const places = points.map((point) => `${tenth(x(point[0]))},${tenth(y(point[1]))}`);
      const dots = places.map((place) => `<circle cx="${place.replace(',', '" cy="')}" r="3"/>`).join('');
      return [
        `  <polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        `  <g fill="${colour}">${dots}</g>`,
        `  <path d="M${left + line * 110} ${bottom + 50} h18" stroke="${colour}" stroke-width="3"/>`,
        text(left + 24 + line * 110, bottom + 54, 'start', name),
      ];
    }),
  ];
}

/** The next of 1, 2, 5, 10, … above a value. */
function ceiling(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 5, 10].map((step) => step * decade).find((step) => step >= value) ?? 10 * decade;
}

function text(x: number, y: number, anchor: string, words: string, weight = '400'): string {
  return `  <text x="${tenth(x)}" y="${tenth(y)}" text-anchor="${anchor}" fill="${GREY}" font-weight="${weight}">${words}</text>`;
}

function tenth(value: number): string {
  return `${Math.round(value * 10) / 10}`;
}
