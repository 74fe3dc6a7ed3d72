import { formatAddress } from '../../base/ip-address.ts';
import type { NameTable } from './name-table.ts';

/*
 * Names in the machine's hosts file, between two lines that are ours:
 *
 *   # gscip gscip0: begin
 *   100.64.0.2 bob.home.gscip bob
 *   fd12:…::2 bob.home.gscip bob
 *   # gscip gscip0: end
 *
 * What else had to be added is said behind "begin", so that the file alone is enough to undo it to the byte. A file is
 * handled as one character per byte, whatever its encoding.
 */

/** Names that are written at most: programs read the whole file for each look-up. */
export const MOST_HOSTS = 2_000;

const ADDED = { lineEnd: ', with the line end before', file: ', with the file' } as const;

/** The file with these lines in our block, which moves to the end; `text` undefined: there is no file. */
export function withBlock(text: string | undefined, tun: string, lines: readonly string[]): string {
  const others = text === undefined ? undefined : withoutBlock(text, tun);
  const isOpen = others !== undefined && others !== '' && !others.endsWith('\n');
  const added = isOpen ? ADDED.lineEnd : others === undefined ? ADDED.file : '';
  const block = [`${begin(tun)}${added}`, ...lines, end(tun)].map((line) => `${line}\n`).join('');
  return `${others ?? ''}${isOpen ? '\n' : ''}${block}`;
}

/** The file as it was without our block; undefined: without it there was no file. */
export function withoutBlock(text: string, tun: string): string | undefined {
  const at = startOf(text, begin(tun));
  if (at === undefined) return text;
  const first = lineAt(text, at);
  const after = blockEnd(text, at + first.length, tun);
  // where somebody wrote on behind the block, the line end before it is needed
  const isOurs = first.includes(ADDED.lineEnd) && text[at - 1] === '\n' && after === text.length;
  const rest = `${text.slice(0, isOurs ? at - 1 : at)}${text.slice(after)}`;
  return rest === '' && first.includes(ADDED.file) ? undefined : rest;
}

/** Lines for a table of names: the whole name first, and the short one where the machine does not use it itself. */
export function hostsLines(table: NameTable, text: string): string[] {
  const used = new Set(
    text
      .toLowerCase()
      .split('\n')
      .flatMap((line) => line.split('#')[0].trim().split(/\s+/).slice(1)),
  );
  return table.hosts.slice(0, MOST_HOSTS).flatMap((host) =>
    host.addresses.map((address) => {
      const short = used.has(host.label) ? '' : ` ${host.label}`;
      return `${formatAddress(address)} ${table.fullName(host)}${short}`;
    }),
  );
}

function begin(tun: string): string {
  return `# gscip ${tun}: begin`;
}

function end(tun: string): string {
  return `# gscip ${tun}: end`;
}

/** Behind the end of the block; where somebody has cut that off, behind the last line that looks like one of ours. */
function blockEnd(text: string, from: number, tun: string): number {
  const last = startOf(text.slice(from), end(tun));
  if (last !== undefined) return from + last + lineAt(text, from + last).length;
  let at = from;
  while (at < text.length && /^\S+ \S+\.gscip(?: \S+)?\n?$/.test(lineAt(text, at))) at += lineAt(text, at).length;
  return at;
}

/** Where a line begins that is this one, or goes on with a comma; undefined where there is none. */
function startOf(text: string, wanted: string): number | undefined {
  for (let at = 0; at < text.length; at += lineAt(text, at).length) {
    const line = lineAt(text, at).trimEnd();
    if (line === wanted || line.startsWith(`${wanted},`)) return at;
  }
  return undefined;
}

/** With its line end. */
function lineAt(text: string, at: number): string {
  const stop = text.indexOf('\n', at);
  return text.slice(at, stop < 0 ? text.length : stop + 1);
}
