import { describe, expect, it } from 'vitest';
import { readText, repositoryFiles } from './repository.ts';

/** What ties a text to the place where it was written. */
const FOREIGN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a path of one machine', /(?<![\w.$}*~/-])\/(home|root|Users|work|workspace|mnt|builds?)\/[\w.]/],
  ['a folder outside the repository', /\.\.\/shared\b/],
  [
    'a document that is not in the repository',
    /\b(design|security|dataplane|requirements|peers-bench|style|users)\.md\b/,
  ],
  ['an issue by number', /\bissues? #?\d+\b/i],
  ['a package registry', /\bregistry\.[a-z-]+\.[a-z]{2,}|\b(deb|pypi)\.[a-z]+\.org\b/],
  ['a note to come back', /\b(TODO|FIXME|XXX|HACK)\b/],
];

const BINARY = /\.(png|jpg|ico|node|gz|woff2)$/;
const THIS_FILE = 'test/rules/words.test.ts';

function foreignWords(path: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, at) =>
      FOREIGN.filter(([, pattern]) => pattern.test(line)).map(
        ([what]) => `${path}:${at + 1} names ${what}: ${line.trim()}`,
      ),
    );
}

describe('the search for foreign words', () => {
  it.each([
    ['see /home/alice/gscip', 1],
    ['cd "/work/main"', 1],
    ["import x from '../../work/x.ts'", 0],
    ['/var/lib/gscip', 0],
    ['~/work/x', 0],
    ['$top/../shared/vectors', 1],
    ['(security.md 4.1)', 1],
    ['see SECURITY.md and docs/protocol.md 4.1', 0],
    ['closes issue 12', 1],
    ['"resolved": "https://registry.example.org/x.tgz"', 1],
    ['// TODO later', 1],
  ])('%s has %i', (line, count) => {
    expect(foreignWords('row', line)).toHaveLength(count);
  });
});

describe('the repository', () => {
  it('speaks of itself alone', () => {
    const files = repositoryFiles().filter((path) => !BINARY.test(path) && path !== THIS_FILE);
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap((path) => foreignWords(path, readText(path)))).toEqual([]);
  });

  it('locks packages by version and hash, wherever they are fetched from', () => {
    const lock: unknown = JSON.parse(readText('package-lock.json'));
    expect(JSON.stringify(lock)).not.toContain('"resolved"');
    expect(JSON.stringify(lock)).toContain('"integrity":"sha512-');
  });
});
