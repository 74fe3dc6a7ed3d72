import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse, place, readText, repositoryFiles, typescriptFiles, visitAll } from './repository.ts';

const MAX_LINES = 400;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.property)?(\.test|\.config)?\.(ts|js|sh|cc|h)$/;
const NAMES_WITHOUT_MEANING = /(^|\/)(utils?|helpers?|types|index|common|misc)\.ts$/;

/** Only files with such a line need to be parsed. */
const EXPORTS_OTHERS = /\bexport\s+(default\b|\*|\{[^}]*\}\s*from\b)/;

const ours = typescriptFiles('src', 'test', 'bench');
const code = repositoryFiles().filter((path) => /^(src|test|bench|scripts|native)\/.*\.(ts|js|sh|cc|h)$/.test(path));

/** Casts that are not `as const`, outside the one function that makes the type, and non-null assertions. */
function casts(file: ts.SourceFile): readonly string[] {
  const found: string[] = [];
  visitAll(file, (node) => {
    const cast = ts.isAsExpression(node) && node.type.getText() !== 'const' && !isMaker(node);
    if (cast || ts.isTypeAssertionExpression(node) || ts.isNonNullExpression(node)) found.push(place(file, node));
  });
  return found;
}

/** A maker is a function whose declared result is the type that it casts to. */
function isMaker(cast: ts.AsExpression): boolean {
  const owner = ts.findAncestor(cast, ts.isFunctionLike);
  return owner?.type?.getText() === cast.type.getText();
}

function isBarrel(file: ts.SourceFile): boolean {
  return (
    file.statements.length > 0 && file.statements.every((each) => ts.isExportDeclaration(each) && each.moduleSpecifier)
  );
}

function hasDefaultExport(file: ts.SourceFile): boolean {
  return file.statements.some(
    (each) =>
      ts.isExportAssignment(each) ||
      (ts.canHaveModifiers(each) && each.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)),
  );
}

describe('the searches', () => {
  it.each([
    ['const a = b as Thing;', 1],
    ['const a = b!;', 1],
    ['const a = <Thing>b;', 1],
    ["const a = ['x'] as const;", 0],
    ['function thing(b: number): Thing { return b as Thing; }', 0],
    ['function thing(b: number): Other { return b as Thing; }', 1],
  ])('%s has %i casts', (text, count) => {
    expect(casts(parse('row.ts', text))).toHaveLength(count);
  });

  it('know a barrel from a file', () => {
    expect(isBarrel(parse('row.ts', "export { a } from './a.ts';\nexport * from './b.ts';"))).toBe(true);
    expect(isBarrel(parse('row.ts', "export { a } from './a.ts';\nexport const b = 1;"))).toBe(false);
  });

  it('know a default export', () => {
    expect(hasDefaultExport(parse('row.ts', 'export default 5;'))).toBe(true);
    expect(hasDefaultExport(parse('row.ts', 'export default function f() {}'))).toBe(true);
    expect(hasDefaultExport(parse('row.ts', 'export function f() {}'))).toBe(false);
  });
});

describe('every file of ours', () => {
  it('has one concept: at most 400 lines', () => {
    const long = code.map((path) => [path, readText(path).split('\n').length - 1] as const);
    expect(long.filter(([, lines]) => lines > MAX_LINES)).toEqual([]);
  });

  it('has a kebab-case name that says what is in it', () => {
    const names = code.filter((path) => !KEBAB_CASE.test(path.slice(path.lastIndexOf('/') + 1)));
    expect([...names, ...ours.filter((path) => NAMES_WITHOUT_MEANING.test(path))]).toEqual([]);
  });

  it('is no barrel and has no default export', () => {
    const files = ours.filter((path) => EXPORTS_OTHERS.test(readText(path))).map((path) => parse(path));
    expect(files.filter((file) => isBarrel(file) || hasDefaultExport(file)).map(({ fileName }) => fileName)).toEqual(
      [],
    );
  });

  it('casts only where a type is made, or where the addon is loaded', () => {
    const files = typescriptFiles('src').filter((path) => path !== 'src/native/addon.ts');
    expect(files.flatMap((path) => casts(parse(path)))).toEqual([]);
  });
});
