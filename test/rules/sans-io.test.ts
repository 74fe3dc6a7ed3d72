import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse, place, typescriptFiles, visitAll } from './repository.ts';

const CORE =
  /^src\/(base|crypto|pccom|pit|dprp|nat|api)\/|^src\/node\/(engine|reach\/)|^src\/server\/[^/]+\/(?!store\.ts$)/;
/** The shells of server parts: everything else there is rules. */
const SHELLS = ['src/server/authority/store.ts', 'src/server/authority/folder-lock.ts'];
/** Folders of the server that are shells as a whole. */
const SHELL_FOLDERS = /^src\/server\/(http|store)\//;

const IMPURE_NAMES = new Set(
  'process Date performance setTimeout setInterval setImmediate queueMicrotask Promise fetch console'.split(' '),
);

/** Uses of the clock, timers, promises, randomness and the process in one file. */
function impurities(file: ts.SourceFile): readonly string[] {
  const found: string[] = [];
  visitAll(file, (node) => {
    if (isImpureName(node) || isAsync(node) || isMathRandom(node)) found.push(`${place(file, node)} ${node.getText()}`);
  });
  return found.map((each) => each.split('\n')[0] ?? '');
}

function isImpureName(node: ts.Node): boolean {
  if (!ts.isIdentifier(node) || !IMPURE_NAMES.has(node.text)) return false;
  const { parent } = node;
  const isFieldName = (ts.isPropertyAccessExpression(parent) || ts.isPropertySignature(parent)) && parent.name === node;
  return !isFieldName && !ts.isPropertyAssignment(parent);
}

function isAsync(node: ts.Node): boolean {
  return ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword;
}

function isMathRandom(node: ts.Node): boolean {
  return ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random';
}

function isCore(path: string): boolean {
  return CORE.test(path) && !SHELLS.includes(path) && !SHELL_FOLDERS.test(path);
}

describe('the search for impure code', () => {
  it.each([
    ['const now = Date.now();', 1],
    ['setTimeout(() => {}, 5);', 1],
    ['async function f() { await g(); }', 2],
    ['const x = Math.random();', 1],
    ['process.exit(1);', 1],
    ['const later = entry.process; type A = { readonly process: number };', 0],
  ])('%s has %i', (text, count) => {
    expect(impurities(parse('src/base/row.ts', text))).toHaveLength(count);
  });
});

describe('the cores', () => {
  it('take time and randomness as arguments and touch nothing outside', () => {
    const cores = typescriptFiles('src').filter(isCore);
    expect(cores.length).toBeGreaterThan(20);
    expect(cores.flatMap((path) => impurities(parse(path)))).toEqual([]);
  });
});
