import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LauncherCopy, layPackages, type Run } from './launcher-copy.ts';

let packages: string;
beforeAll(() => {
  packages = layPackages();
});
afterAll(() => rmSync(packages, { recursive: true }));

let copy: LauncherCopy;
beforeEach(() => {
  copy = new LauncherCopy(packages);
});
afterEach(() => copy.remove());

function facts(run: Run): Readonly<Record<string, unknown>> {
  return JSON.parse(run.stdout);
}

/** Shows what was printed when a start fails. */
const GOOD = { status: 0, stderr: expect.not.stringContaining('\n       ') };

describe('the first start', () => {
  it('installs, builds, and becomes the program with the same process id, folder and words', async () => {
    const run = await copy.start(['status', '--name', 'a b'], { cwd: '/' });
    expect(run).toMatchObject({ status: 0 });
    expect(facts(run)).toMatchObject({ pid: run.pid, cwd: '/', words: ['status', '--name', 'a b'] });
    expect(copy.npmCalls()).toEqual([expect.stringMatching(/ ci --include=dev /)]);
  });

  it('says what it does in few lines on stderr', async () => {
    const { stderr } = await copy.start([]);
    expect(stderr).toMatch(/installing packages.*\n(.*\n)*.*compiling/);
    expect(stderr.split('\n').length).toBeLessThan(8);
  });

  it('works through symbolic links', async () => {
    const link = join(copy.root, 'link');
    symlinkSync('checkout/gscip', link);
    symlinkSync('link', join(copy.root, 'link-to-link'));
    expect(await copy.start(['up'], { path: join(copy.root, 'link-to-link') })).toMatchObject({ status: 0 });
  });

  it('installs once when two start together, and both run', async () => {
    const runs = await Promise.all([copy.start(['a']), copy.start(['b'])]);
    expect(runs.map((run) => [run.status, facts(run)['words']])).toEqual([
      [0, ['a']],
      [0, ['b']],
    ]);
    expect(copy.npmCalls()).toHaveLength(1);
    expect(runs.map(({ stderr }) => stderr).join()).toContain('waiting for another start');
  });

  it('finds npm in the home folder of the user who called sudo, with a PATH that has none', async () => {
    const env = { PATH: copy.tools, HOME: join(copy.root, 'home') };
    expect(await copy.start([], { env })).toMatchObject({ status: 0 });
    expect(copy.npmCalls()).toHaveLength(1);
  });

  it('asks the login shell where npm is when it is in no usual place', async () => {
    const shell = join(copy.tools, 'login-shell');
    copy.addTool(
      'login-shell',
      `#!/bin/sh\necho "Welcome"\n[ "$*" = '-lic command -v npm' ] && echo '${copy.npmFolder}/npm'\n`,
    );
    copy.addTool('getent', `#!/bin/sh\necho 'root:x:0:0::/nonexistent:${shell}'\n`);
    const run = await copy.start([], { wrapper: WITHOUT_NPM, env: { PATH: copy.tools } });
    expect(run).toMatchObject({ status: 0 });
    expect(copy.npmCalls()).toHaveLength(1);
  });

  it('says that a compiler is missing, and goes on without the addon', async () => {
    const { status, stderr } = await copy.start([], { env: { CXX: 'no-such-compiler' } });
    expect(status).toBe(0);
    expect(stderr).toMatch(/no C\+\+ compiler.*TypeScript.*\n.*apt-get install/);
  });

  it('shows the end of the log when npm fails, and runs nothing', async () => {
    rmSync(join(copy.npmFolder, 'npm'));
    symlinkSync(join(copy.tools, 'false-npm'), join(copy.npmFolder, 'npm'));
    copy.addTool('false-npm', '#!/bin/sh\necho "npm error network" >&2\nexit 1\n');
    const { status, stdout, stderr } = await copy.start([]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('npm error network');
    expect(stderr).toContain('npm ci failed');
  });

  it('names the missing npm and what to install', async () => {
    const env = { PATH: copy.tools };
    const { status, stderr } = await copy.start([], { wrapper: WITHOUT_NPM, env });
    expect(status).toBe(1);
    expect(stderr).toMatch(/npm with Node 20 or newer was not found[\s\S]*apt-get install nodejs npm/);
  });
});

/** Covers the machine's own npm, in a mount namespace of its own, before the launcher starts. */
const HIDE_NPM = `for npm in /usr/local/bin/npm /usr/bin/npm /opt/node/bin/npm /opt/nodejs/bin/npm /usr/local/node/bin/npm /snap/bin/npm; do
  if [ -e "$npm" ]; then /bin/mount --bind /dev/null "$npm" || exit 9; fi
done; exec "$@"`;
const WITHOUT_NPM = ['unshare', '-m', 'sh', '-c', HIDE_NPM, 'sh'];

describe('a later start', () => {
  beforeEach(async () => {
    expect(await copy.start([])).toMatchObject(GOOD);
  });

  it('does nothing but run', async () => {
    const run = await copy.start([]);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(copy.npmCalls()).toHaveLength(1);
  });

  it('does not build again what was only touched', async () => {
    utimesSync(join(copy.top, 'src/cli/main.ts'), new Date(), new Date());
    expect(await copy.start([])).toMatchObject({ status: 0, stderr: '' });
  });

  it('compiles changed sources', async () => {
    copy.write('src/cli/main.ts', copy.read('src/cli/main.ts').replace("'first'", "'second'"));
    expect(facts(await copy.start([]))).toMatchObject({ text: 'second' });
    expect(copy.npmCalls()).toHaveLength(1);
  });

  it('forgets the output of deleted sources', async () => {
    copy.write('src/cli/old.ts', 'export const old = 1;');
    await copy.start([]);
    expect(existsSync(join(copy.top, 'dist/cli/old.js'))).toBe(true);
    rmSync(join(copy.top, 'src/cli/old.ts'));
    await copy.start([]);
    expect(existsSync(join(copy.top, 'dist/cli/old.js'))).toBe(false);
  });

  it('compiles again when the output was deleted', async () => {
    rmSync(join(copy.top, 'dist'), { recursive: true });
    expect(await copy.start([])).toMatchObject(GOOD);
  });

  it('installs again when the lock file changes', async () => {
    copy.write('package-lock.json', copy.read('package-lock.json').replace('"version": "0.1.0"', '"version": "0.1.1"'));
    expect(await copy.start([])).toMatchObject(GOOD);
    expect(copy.npmCalls()).toHaveLength(2);
  });

  it('refuses sources that do not compile, and says where to look', async () => {
    copy.write('src/cli/main.ts', 'const = ;');
    const { status, stderr } = await copy.start([]);
    expect(status).toBe(1);
    expect(stderr).toContain('build/prepare.log');
  });
});

const STRANGER = 12_345;

/** Only the real root has a second user to give a folder to; in a user namespace there is but one. */
function canGiveAway(path: string): boolean {
  try {
    chownSync(path, STRANGER, STRANGER);
    return true;
  } catch {
    return false;
  }
}

function give(folder: string, owner: number): void {
  for (const name of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })])
    chownSync(join(folder, name), owner, owner);
}

function ownersBelow(folder: string): readonly string[] {
  const owners = execFileSync('find', [folder, '-printf', '%U\\n'], { encoding: 'utf8' });
  return [...new Set(owners.trim().split('\n'))];
}

describe('a folder that belongs to another user', () => {
  it('is installed and built as its owner, while the program runs as root', async () => {
    const owner = canGiveAway(copy.root) ? STRANGER : 0;
    give(copy.top, owner);
    const run = await copy.start([]);
    expect(run).toMatchObject({ status: 0 });
    expect(facts(run)).toMatchObject({ uid: 0 });
    expect(copy.npmCalls()).toEqual([expect.stringMatching(new RegExp(`^${owner} ci `))]);
    expect(ownersBelow(copy.top)).toEqual([String(owner)]);
  });

  it('is refused with the reason by somebody who may not write there', async () => {
    const stranger = canGiveAway(copy.npmFolder)
      ? ['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups']
      : READ_ONLY;
    const { status, stderr } = await copy.start([], { wrapper: stranger });
    expect(status).toBe(1);
    expect(stderr).toMatch(/must be installed or built here, but .* may not write/);
    expect(copy.npmCalls()).toEqual([]);
  });
});

/** Without a second user, a read-only file system is what refuses to be written. */
const READ_ONLY = [
  'unshare',
  '-m',
  'sh',
  '-c',
  'top=$(dirname "$1") && /bin/mount --bind "$top" "$top" && /bin/mount -o remount,bind,ro "$top" && exec "$@"',
  'sh',
];
