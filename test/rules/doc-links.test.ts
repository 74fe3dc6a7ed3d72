import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { readText, repositoryFiles } from './repository.ts';

interface Link {
  readonly line: number;
  readonly target: string;
}

/** Targets of links, images and reference definitions; text in code is no link. */
function linksIn(text: string): readonly Link[] {
  return proseLines(text).flatMap(({ line, prose }) => {
    const inline = [...prose.matchAll(/\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
    const html = [...prose.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)];
    const defined = [...prose.matchAll(/^\[[^\]]+\]:\s+(\S+)/g)];
    return [...inline, ...html, ...defined].map(([, target]) => ({ line, target: target ?? '' }));
  });
}

/** Lines outside fenced blocks, without code spans. */
function proseLines(text: string): readonly { readonly line: number; readonly prose: string }[] {
  let fence = '';
  return text.split('\n').flatMap((raw, at) => {
    const mark = /^\s*(```+|~~~+)/.exec(raw)?.[1] ?? '';
    if (fence === '' && mark !== '') fence = mark;
    else if (fence !== '' && mark.startsWith(fence)) fence = '';
    else if (fence === '') return [{ line: at + 1, prose: raw.replace(/`+[^`]*`+/g, '') }];
    return [];
  });
}

/** The anchors that GitHub gives to headings: lower case, marks dropped, blanks to hyphens, repeats numbered. */
function anchorsIn(text: string): ReadonlySet<string> {
  const used = new Map<string, number>();
  const anchors = new Set<string>();
  let fenced = false;
  for (const line of text.split('\n')) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? undefined : /^#{1,6} +(.+?) *#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const base = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    const before = used.get(base) ?? 0;
    used.set(base, before + 1);
    anchors.add(before === 0 ? base : `${base}-${before}`);
  }
  return anchors;
}

/** Why a link of a file leads nowhere, or undefined. */
function brokenLink(from: string, target: string, known: ReadonlySet<string>, read: (path: string) => string) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? from : path.startsWith('/') ? path.slice(1) : join(dirname(from), decodeURI(path));
  const whole = file.replace(/\/$/, '');
  const folder = [...known].some((each) => each.startsWith(`${whole}/`));
  if (!known.has(whole) && !folder) return `no file ${whole}`;
  if (anchor === undefined || anchor === '') return undefined;
  if (!whole.endsWith('.md')) return /^L\d+(-L\d+)?$/.test(anchor) ? undefined : `no anchor in ${whole}`;
  return anchorsIn(read(whole)).has(anchor) ? undefined : `no heading #${anchor} in ${whole}`;
}

describe('the search for links', () => {
  it.each([
    ['see [a](b.md) and ![c](d.svg "title")', ['b.md', 'd.svg']],
    ['[a]: docs/x.md', ['docs/x.md']],
    ['<img src="docs/a.svg" alt="">', ['docs/a.svg']],
    ['`[a](b.md)` and pit[0](1)', ['1']],
    ['```\n[a](b.md)\n```\n[c](d.md)', ['d.md']],
    ['no link [here] at all', []],
  ])('finds in %j what it links to', (text, expected) => {
    expect(linksIn(text).map(({ target }) => target)).toEqual(expected);
  });

  it('knows the anchors of headings, repeated ones too', () => {
    const text = '# A b: `c`\n## A, b.\n### A, b.\n```\n# not this\n```\n## 5.2 Entries, quotas';
    expect([...anchorsIn(text)]).toEqual(['a-b-c', 'a-b', 'a-b-1', '52-entries-quotas']);
  });

  const known = new Set(['README.md', 'docs/a.md', 'docs/sub/b.md']);
  const read = () => '# One\n## Two words';
  it.each([
    ['docs/a.md', 'sub/b.md#two-words', undefined],
    ['docs/a.md', 'sub', undefined],
    ['docs/sub/b.md', '../../README.md', undefined],
    ['docs/a.md', '#one', undefined],
    ['docs/a.md', 'https://example.org/x#y', undefined],
    ['docs/a.md', 'b.md', 'no file docs/b.md'],
    ['docs/a.md', 'sub/b.md#three', 'no heading #three in docs/sub/b.md'],
  ])('%s → %s: %s', (from, target, expected) => {
    expect(brokenLink(from, target, known, read)).toBe(expected);
  });
});

describe('the documents', () => {
  it('link only to files and headings that are there', () => {
    const files = repositoryFiles();
    const known = new Set(files);
    const links = files
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => linksIn(readText(path)).map((link) => ({ path, ...link })));
    expect(links.length).toBeGreaterThan(20);
    const broken = links.flatMap(({ path, line, target }) => {
      const why = brokenLink(path, target, known, readText);
      return why === undefined ? [] : [`${path}:${line} ${target}: ${why}`];
    });
    expect(broken).toEqual([]);
  });
});
