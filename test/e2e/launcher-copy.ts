import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('../..', import.meta.url));

/** Programs that the launcher may use; nothing else is on PATH in these tests, above all no npm and no compiler. */
const TOOLS = (
  'cat cksum cut chown cp date dirname env find flock getent grep head id ln ls mkdir mktemp mv printf readlink ' +
  'rm runuser sed setpriv setsid sh sleep sort stat tail timeout touch tr true uname unshare'
).split(' ');

const PROGRAM = `
const facts = { pid: process.pid, uid: process.getuid?.(), cwd: process.cwd(), words: process.argv.slice(2) };
console.log(JSON.stringify({ ...facts, text: 'first' }));
`;

/** Stands for npm: lays the pinned packages by links, and writes down who called it and how. */
const NPM = (packages: string, log: string) => `#!/bin/sh
echo "$(id -u) $*" >>'${log}'
sleep 0.3
rm -rf node_modules && mkdir node_modules && ln -s '${packages}'/* '${packages}'/.bin node_modules/ && touch node_modules/.package-lock.json
`;

/** Copies the packages that the stand-in for npm "installs" to where every user can read them. Remove the folder afterwards. */
export function layPackages(): string {
  const packages = mkdtempSync(join(tmpdir(), 'gscip-packages-'));
  chmodSync(packages, 0o755);
  mkdirSync(join(packages, '.bin'));
  cpSync(realpathSync(join(TOP, 'node_modules/.bin/node')), join(packages, '.bin/node'));
  cpSync(join(TOP, 'node_modules/typescript'), join(packages, 'typescript'), { recursive: true });
  symlinkSync('../typescript/bin/tsc', join(packages, '.bin/tsc'));
  return packages;
}

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: number | undefined;
}

export interface RunOptions {
  readonly path?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly wrapper?: readonly string[];
}

/** A small checkout in a temporary folder, with a stand-in for npm, so that the real launcher runs without a network. */
export class LauncherCopy {
  readonly root: string;
  readonly top: string;
  readonly tools: string;
  readonly npmFolder: string;
  readonly #npmLog: string;

  constructor(packages: string) {
    this.root = mkdtempSync(join(tmpdir(), 'gscip-launcher-'));
    chmodSync(this.root, 0o755);
    this.top = join(this.root, 'checkout');
    this.tools = join(this.root, 'tools');
    this.npmFolder = join(this.root, 'home', '.nvm', 'versions', 'node', 'v24.0.0', 'bin');
    this.#npmLog = join(this.root, 'npm.log');
    this.#layTools();
    this.#layNpm(packages);
    this.#layCheckout();
  }

  #layTools(): void {
    mkdirSync(this.tools);
    const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
    for (const tool of TOOLS) {
      const target = folders.map((folder) => join(folder, tool)).find((path) => existsSync(path));
      if (!target) throw new Error(`${tool} is not installed`);
      symlinkSync(target, join(this.tools, tool));
    }
  }

  #layNpm(packages: string): void {
    mkdirSync(this.npmFolder, { recursive: true });
    symlinkSync(join(packages, '.bin/node'), join(this.npmFolder, 'node'));
    writeFileSync(join(this.npmFolder, 'npm'), NPM(packages, this.#npmLog), { mode: 0o755 });
    writeFileSync(this.#npmLog, '');
    chmodSync(this.#npmLog, 0o666);
  }

  #layCheckout(): void {
    mkdirSync(join(this.top, 'src/cli'), { recursive: true });
    for (const name of ['gscip', 'scripts', 'package.json', 'package-lock.json'])
      cpSync(join(TOP, name), join(this.top, name), { recursive: true });
    writeFileSync(
      join(this.top, 'tsconfig.json'),
      '{"compilerOptions":{"module":"nodenext","target":"es2024","types":[],"rootDir":"src","outDir":"dist","incremental":true},"include":["src"]}',
    );
    this.write('src/cli/main.ts', PROGRAM);
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.top, path), text);
  }

  /** Puts a program into the folder that PATH names, in place of another of that name. */
  addTool(name: string, text: string): void {
    rmSync(join(this.tools, name), { force: true });
    writeFileSync(join(this.tools, name), text, { mode: 0o755 });
  }

  read(path: string): string {
    return readFileSync(join(this.top, path), 'utf8');
  }

  /** One line for each call of npm: the caller's user id and the arguments. */
  npmCalls(): readonly string[] {
    return readFileSync(this.#npmLog, 'utf8').split('\n').filter(Boolean);
  }

  /** Starts the launcher; by default npm is on PATH, and no compiler is. */
  start(words: readonly string[], options: RunOptions = {}): Promise<Run> {
    const launcher = options.path ?? join(this.top, 'gscip');
    const [command = launcher, ...rest] = [...(options.wrapper ?? []), launcher, ...words];
    const child = spawn(command, rest, {
      cwd: options.cwd ?? this.root,
      env: { PATH: `${this.npmFolder}:${this.tools}`, HOME: join(this.root, 'nobody'), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      texts.stderr += text;
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, pid: child.pid, ...texts }));
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
