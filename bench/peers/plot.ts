import { median, short } from '../tools/statistics.ts';
import { METRICS, type Metric, type Row } from './measure.ts';

const PANELS: readonly { readonly metric: Metric; readonly better: 'more' | 'less' }[] = [
  { metric: 'tcp1Gbit', better: 'more' },
  { metric: 'udp64Rate', better: 'more' },
  { metric: 'cpuSecondsPerGB', better: 'less' },
  { metric: 'loadedP99', better: 'less' },
];
const BAR = { height: 18, gap: 6, left: 110, width: 250, value: 60 } as const;
const GREY = '#7d8590';

/** Medians of the peers as bars, one panel for each of the metrics that users compare, two panels beside each other. */
export function plot(rows: ReadonlyMap<string, readonly Row[]>, caption: string): string {
  const panelHeight = 40 + rows.size * (BAR.height + BAR.gap);
  const panelWidth = BAR.left + BAR.width + BAR.value;
  const [width, height] = [2 * panelWidth + 20, Math.ceil(PANELS.length / 2) * panelHeight + 30];
  const panels = PANELS.flatMap(({ metric, better }, at) => {
    const [left, top] = [(at % 2) * (panelWidth + 20), Math.floor(at / 2) * panelHeight];
    return panel(rows, metric, better, left, top);
  });
  const font = `font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12"`;
  const box = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img" aria-labelledby="t" ${font}>`,
    '  <title id="t">GSCIP beside the bare wire and other tunnels</title>',
    ...panels,
    text(0, height - 8, 'start', caption),
    '</svg>',
    '',
  ].join('\n');
}

function panel(
  rows: ReadonlyMap<string, readonly Row[]>,
  metric: Metric,
  better: 'more' | 'less',
  left: number,
  top: number,
): string[] {
  const values = [...rows].map(([name, all]) => {
    const found = all.flatMap((row) => row[metric] ?? []).filter(Number.isFinite);
    return { name, value: found.length > 0 ? median(found) : undefined };
  });
  const most = Math.max(...values.map(({ value }) => value ?? 0));
  const lines = [`  ${text(left, top + 24, 'start', `${METRICS[metric]} (${better} is better)`, '600').trim()}`];
  for (const [at, { name, value }] of values.entries()) {
    const y = top + 34 + at * (BAR.height + BAR.gap);
    const length = value === undefined ? 0 : Math.max(1, Math.round((BAR.width * value) / most));
    const colour = name === 'gscip' ? '#1a7f37' : GREY;
    lines.push(
      text(left + BAR.left - 8, y + 13, 'end', name, name === 'gscip' ? '600' : undefined),
      `  <rect x="${left + BAR.left}" y="${y}" width="${length}" height="${BAR.height}" fill="${colour}"/>`,
      text(left + BAR.left + length + 6, y + 13, 'start', value === undefined ? 'no figure' : short(value)),
    );
  }
  return lines;
}

function text(x: number, y: number, anchor: 'start' | 'end', content: string, weight?: string): string {
  const bold = weight === undefined ? '' : ` font-weight="${weight}"`;
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `  <text x="${x}" y="${y}" text-anchor="${anchor}" fill="${GREY}"${bold}>${safe}</text>`;
}
