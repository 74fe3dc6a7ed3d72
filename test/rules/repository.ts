import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const TOP = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const NOT_OURS = new Set(['node_modules', 'dist', 'build', '.git', 'results']);

/** Every file that is or would be committed, by its path from the top; without git, every file that is not a product. */
export function repositoryFiles(): readonly string[] {
  if (!existsSync(join(TOP, '.git'))) return walk('');
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: TOP,
    encoding: 'utf8',
    // root tests a checkout that belongs to another user
    env: { ...process.env, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' },
  });
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(TOP, path)));
}

function walk(folder: string): readonly string[] {
  return readdirSync(join(TOP, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = posix.join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
}

export function readText(path: string): string {
  return readFileSync(join(TOP, path), 'utf8');
}

/** The TypeScript files below a folder. */
export function typescriptFiles(...folders: readonly string[]): readonly string[] {
  return repositoryFiles().filter(
    (path) => path.endsWith('.ts') && folders.some((each) => path.startsWith(`${each}/`)),
  );
}

export function parse(path: string, text = readText(path)): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** Calls `visit` for every node of a file. */
export function visitAll(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => visitAll(child, visit));
}

/** `path:line`, as editors and terminals follow it. */
export function place(file: ts.SourceFile, node: ts.Node): string {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

export interface Import {
  readonly from: string;
  /** A path from the top for our own files, else the module's name. */
  readonly target: string;
}

/** Every static, dynamic and type import of a file. */
export function importsOf(path: string, text = readText(path)): readonly Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => ({
    from: path,
    target: fileName.startsWith('.') ? posix.join(posix.dirname(path), fileName) : fileName,
  }));
}
