import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse, readText, repositoryFiles, visitAll } from './repository.ts';

const PROTOCOL = 'docs/protocol.md';
const CODE = /^(src|native|test|bench|scripts)\/.*\.(ts|js|sh|cc|h|md)$/;
const THIS_FILE = 'test/rules/protocol-sections.test.ts';

/** Sections by number ("4.2"), numbered items ("6.2.3"), and ids in the first column of a table ("W1"). */
function placesIn(text: string): ReadonlySet<string> {
  const places = new Set<string>();
  let section = '';
  for (const line of text.split('\n')) {
    const heading = /^#{2,3} (\d+(?:\.\d+)?)\.? /.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    const item = /^(\d+)\. /.exec(line)?.[1];
    const id = /^\| ([A-Z]\d+) \|/.exec(line)?.[1];
    for (const place of [heading, item && `${section}.${item}`, id]) if (place) places.add(place);
  }
  return places;
}

/** What a text cites of the protocol document: "protocol.md 2.2, 5.3", "protocol.md 1.1 D7", "protocol.md P2". */
function citationsIn(text: string): readonly string[] {
  const number = String.raw`\d+(?:\.\d+)*`;
  const id = String.raw`[A-Z]\d+`;
  // a whole number after a comma may be a quantity: it counts where the list ends behind it
  const more = String.raw`(?:(?:, | and |–)(?:\d+(?:\.\d+)+|${id})|, \d+(?=[,;)])| ${id})`;
  const found = text.matchAll(new RegExp(String.raw`protocol\.md[\x60']? ((?:${number}|${id})\b(?:${more}\b)*)`, 'g'));
  return [...found].flatMap(([, list]) => (list ?? '').split(/, | and |–| /));
}

/** Ids of the first and of the second table in section 16. */
function mustRules(text: string): { readonly all: readonly string[]; readonly notBuilt: readonly string[] } {
  const section = text.slice(text.indexOf('\n## 16. '), text.indexOf('\n## 17. '));
  const [all = '', notBuilt = ''] = section.split('\nNot built yet');
  const ids = (part: string) => [...part.matchAll(/^\| ([A-Z]\d+) \|/gm)].map(([, id]) => id ?? '');
  return { all: ids(all), notBuilt: ids(notBuilt) };
}

/** Ids that begin the name of a test, or of a row that names one. */
function testedIds(file: ts.SourceFile): readonly string[] {
  const ids: string[] = [];
  visitAll(file, (node) => {
    if (!ts.isStringLiteralLike(node) && !ts.isTemplateHead(node)) return;
    const id = /^([A-Z]\d+): /.exec(node.text)?.[1];
    const inTest = ts.findAncestor(
      node,
      (each) => ts.isCallExpression(each) && /^(it|test)\b/.test(each.expression.getText(file)),
    );
    if (id !== undefined && inTest) ids.push(id);
  });
  return ids;
}

describe('the searches', () => {
  it.each([
    ['(protocol.md 4.2)', ['4.2']],
    ['protocol.md 2.2, 5.3; and 9', ['2.2', '5.3']],
    ['(protocol.md 3.1, 10.2, 15)', ['3.1', '10.2', '15']],
    ['protocol.md 5.2, 64 packets', ['5.2']],
    ['protocol.md 1.1 D7', ['1.1', 'D7']],
    ['protocol.md P2, 5.1', ['P2', '5.1']],
    ['protocol.md 2.2–2.4', ['2.2', '2.4']],
    ['protocol.md 15. Here', ['15']],
    ['`docs/protocol.md` 6.2.3', ['6.2.3']],
    ['protocol.md sets no number', []],
  ])('find in %s what it cites', (text, expected) => {
    expect(citationsIn(text)).toEqual(expected);
  });

  it('find sections, items and ids', () => {
    const text = '## 6. Paths\n### 6.2 Roaming\n1. one\n2. two\n| D1 | x |\n## 7. Relay\ntext 9. no';
    expect([...placesIn(text)]).toEqual(['6', '6.2', '6.2.1', '6.2.2', 'D1', '7']);
  });

  it('find the ids of tests, also in rows, and nowhere else', () => {
    const text =
      "it('W1: a', f); it.each([['P3: b', 1]])('%s', f); const no = 'H1: c'; describe('A1: d', () => { it(`S2: e`, f); });";
    expect(testedIds(parse('row.test.ts', text))).toEqual(['W1', 'P3', 'S2']);
  });
});

describe('the protocol document', () => {
  const protocol = readText(PROTOCOL);
  const places = placesIn(protocol);
  const files = repositoryFiles().filter((path) => CODE.test(path) && path !== THIS_FILE);

  it('has every section and rule that code cites', () => {
    const citations = files.flatMap((path) => citationsIn(readText(path)).map((place) => [path, place] as const));
    expect(citations.length).toBeGreaterThan(100);
    expect(
      citations.filter(([, place]) => !places.has(place)).map(([path, place]) => `${path} cites ${place}`),
    ).toEqual([]);
  });

  it('has a test for every MUST rule, or says that it is not built yet', () => {
    const { all, notBuilt } = mustRules(protocol);
    const tested = new Set(files.filter((path) => path.endsWith('.test.ts')).flatMap((path) => testedIds(parse(path))));
    expect(all.length).toBeGreaterThan(50);
    expect({
      twice: all.filter((id, at) => all.indexOf(id) !== at),
      unknown: notBuilt.filter((id) => !all.includes(id)),
      neither: all.filter((id) => !tested.has(id) && !notBuilt.includes(id)),
      both: notBuilt.filter((id) => tested.has(id)),
    }).toEqual({ twice: [], unknown: [], neither: [], both: [] });
  });

  it('names a section for every MUST rule, and the section exists', () => {
    const rows = [...protocol.matchAll(/^\| ([A-Z]\d+) \| .* \| ([\d., V]+) \|$/gm)];
    expect(rows.map(([, id]) => id)).toEqual(mustRules(protocol).all);
    const missing = rows.flatMap(([, id, list]) =>
      (list ?? '')
        .split(/, | /)
        .filter((place) => !places.has(place))
        .map((place) => `${id}: ${place}`),
    );
    expect(missing).toEqual([]);
  });

  it('names only models that are there', () => {
    const models = [...protocol.matchAll(/[\w-]+\.(?:pv|pml)/g)].map(([name]) => `docs/models/${name}`);
    expect(new Set(models)).toEqual(new Set(repositoryFiles().filter((path) => path.startsWith('docs/models/'))));
  });
});

describe('the glossary', () => {
  const rows = [...readText('docs/glossary.md').matchAll(/^\| (?!Term)(.+?) \| (.+) \| (?:`(.+)`|–) \|$/gm)];

  it('names a file that exists for every term', () => {
    const known = new Set(repositoryFiles());
    expect(rows.length).toBeGreaterThan(50);
    expect(
      rows
        .filter(([, , , path]) => path !== undefined && !known.has(path))
        .map(([, term, , path]) => `${term}: ${path}`),
    ).toEqual([]);
  });

  it('has every term once', () => {
    const terms = rows.map(([, term]) => term);
    expect(terms.filter((term, at) => terms.indexOf(term) !== at)).toEqual([]);
  });
});
