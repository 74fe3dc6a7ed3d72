import { readFileSync } from 'node:fs';

/** A cell of the table in one letter: D direct, r relay. */
export const LETTER: Readonly<Record<string, string>> = { direct: 'D', relay: 'r' };

/** The table of protocol.md 6.7: for each place of who asks, a letter for each of the peer's. The places must be these, in this order. */
export function expectedTable(places: readonly string[]): Readonly<Record<string, string>> {
  const text = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  const table = text.slice(text.indexOf('| asker \\ peer |')).split('\n\n')[0] ?? '';
  const [head = [], , ...rows] = table.split('\n').map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  if (head.slice(1).join() !== places.join()) throw new Error(`the table is about ${head.join(', ')}`);
  return Object.fromEntries(rows.map(([name, ...cells]) => [name, cells.map((cell) => LETTER[cell] ?? '-').join('')]));
}
