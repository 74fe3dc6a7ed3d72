import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { built, megabytes } from './built.ts';

const packages = built();
/** The numbers of machines in an ELF header. */
const ELF = { amd64: 0x3e, arm64: 0xb7 } as const;

describe.each([
  ['amd64', packages.now],
  ['arm64', packages.arm],
] as const)('the package for %s', (arch, file) => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'gscip-package-'));
    runNow('dpkg-deb', ['--extract', file, root]);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const files = () => readdirSync(root, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());

  it('is at most 60 MB', () => {
    console.log(
      `${arch}: ${megabytes(file)}, installed ${runNow('dpkg-deb', ['--field', file, 'Installed-Size']).trim()} KB`,
    );
    expect(statSync(file).size).toBeLessThan(60e6);
  });

  it('has programs and libraries for that machine and no other', () => {
    const machines = files().flatMap(({ parentPath, name }) => elfMachine(join(parentPath, name)) ?? []);
    expect(machines.length).toBe(3);
    expect(new Set(machines)).toEqual(new Set([ELF[arch]]));
  });

  it('has man page, completions and units, and nothing for builds', () => {
    const names = files().map(({ parentPath, name }) => join(parentPath, name).slice(root.length));
    for (const path of [
      '/usr/share/man/man1/gscip.1.gz',
      '/usr/share/bash-completion/completions/gscip',
      '/usr/share/zsh/vendor-completions/_gscip',
      '/usr/share/fish/vendor_completions.d/gscip.fish',
      ...['gscip', 'gscip-lock', 'gscip-server'].map((unit) => `/lib/systemd/system/${unit}.service`),
    ])
      expect(names).toContain(path);
    expect(names.filter((path) => /\.(ts|map|cc|h)$|\/(typescript|vitest|@biomejs)\//.test(path))).toEqual([]);
  });

  it('belongs to root, and is writable for nobody else', () => {
    const rows = runNow('dpkg-deb', ['--contents', file]).trim().split('\n');
    expect(rows.filter((row) => !/^[d-]rwxr-xr-x root.root|^-rw-r--r-- root.root|^l\S+ root.root/.test(row))).toEqual(
      [],
    );
  });

  it('runs with its own addon', () => {
    const program = [
      join(root, 'usr/lib/gscip/bin/node'),
      join(root, 'usr/lib/gscip/dist/cli/main.js'),
      'version',
      '--json',
    ];
    const emulated = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu', ...program];
    const [command = '', ...words] = runnable(arch) ? program : emulated;
    expect(JSON.parse(runNow(command, words))).toMatchObject({
      platform: `linux-${arch === 'amd64' ? 'x64' : arch}`,
      primitives: 'addon',
    });
  });
});

function runnable(arch: keyof typeof ELF): boolean {
  return process.arch === (arch === 'amd64' ? 'x64' : arch);
}

/** Undefined for whatever is no ELF file. */
function elfMachine(path: string): number | undefined {
  const head = new Uint8Array(20);
  const file = openSync(path, 'r');
  readSync(file, head);
  closeSync(file);
  const isElf = String.fromCharCode(...head.subarray(1, 4)) === 'ELF' && head[0] === 0x7f;
  return isElf ? new DataView(head.buffer).getUint16(18, true) : undefined;
}
