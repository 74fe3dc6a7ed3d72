import { describe, expect, it } from 'vitest';
import { type Import, importsOf, typescriptFiles } from './repository.ts';

const CORE_TO_DPRP = ['base', 'crypto', 'pccom', 'pit', 'dprp'];
const ALL_BUT_PROGRAMS = [...CORE_TO_DPRP, 'nat', 'native', 'tun', 'udp', 'http', 'api', 'node'];

/** Which folders of src/ a folder may import besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  base: [],
  crypto: ['base'],
  pccom: ['base', 'crypto'],
  pit: ['base', 'crypto', 'pccom'],
  dprp: ['base', 'crypto', 'pccom', 'pit'],
  nat: ['base', 'crypto'],
  native: ['base'],
  tun: ['base', 'native'],
  udp: ['base', 'native'],
  http: ['base'],
  api: ['base'],
  server: ['base', 'crypto', 'nat', 'api', 'udp', 'http'],
  chat: ['base', 'crypto', 'api'],
  node: ALL_BUT_PROGRAMS,
  cli: [...ALL_BUT_PROGRAMS, 'server', 'chat'],
};

const CORES = ['base', 'crypto', 'pccom', 'pit', 'dprp', 'nat', 'api'];

/** Packages and Node modules that compute and do nothing else: all that a core may import from outside. */
const PURE_PACKAGES = /^(@noble\/(curves|ciphers|hashes)\/|cbor-x(\/|$)|ipaddr\.js$)/;
/** Files of the cores that put Node's cipher code behind an interface. */
const NODE_CRYPTO_FILES = ['src/crypto/node-provider.ts', 'src/pccom/node-packet-cipher.ts'];

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function mayImport({ from, target }: Import): boolean {
  const folder = folderOf(from);
  if (target.startsWith('src/')) {
    const wanted = folderOf(target);
    return wanted === folder || (ALLOWED[folder] ?? []).includes(wanted);
  }
  if (!CORES.includes(folder)) return true;
  if (target === 'node:crypto') return NODE_CRYPTO_FILES.includes(from);
  return PURE_PACKAGES.test(target);
}

describe('the table of imports', () => {
  const rows: readonly (readonly [from: string, target: string, allowed: boolean])[] = [
    ['src/base/cid.ts', 'src/base/bytes.ts', true],
    ['src/base/cid.ts', 'src/crypto/noise.ts', false],
    ['src/dprp/mpit.ts', 'src/pit/entry.ts', true],
    ['src/pit/entry.ts', 'src/dprp/mpit.ts', false],
    ['src/nat/candidate.ts', 'src/pit/entry.ts', false],
    ['src/server/authority/store.ts', 'src/node/agent.ts', false],
    ['src/node/agent.ts', 'src/server/authority/store.ts', false],
    ['src/node/agent.ts', 'src/cli/table.ts', false],
    ['src/cli/up.ts', 'src/node/agent.ts', true],
    ['src/pit/entry.ts', 'node:fs', false],
    ['src/pit/entry.ts', 'node:crypto', false],
    ['src/crypto/node-provider.ts', 'node:crypto', true],
    ['src/crypto/noise.ts', '@noble/hashes/sha2.js', true],
    ['src/crypto/noise.ts', 'commander', false],
    ['src/node/agent.ts', 'node:fs', true],
  ];
  it.each(rows)('%s → %s: %s', (from, target, allowed) => {
    expect(mayImport({ from, target })).toBe(allowed);
  });
});

describe('src', () => {
  const files = typescriptFiles('src');

  it('has only folders that the table knows', () => {
    expect(files.filter((path) => !(folderOf(path) in ALLOWED))).toEqual([]);
  });

  it('imports what the table allows and nothing else', () => {
    const broken = files.flatMap((path) => importsOf(path)).filter((each) => !mayImport(each));
    expect(broken.map(({ from, target }) => `${from} imports ${target}`)).toEqual([]);
  });

  it('imports its own files by their whole name', () => {
    const own = files.flatMap((path) => importsOf(path)).filter(({ target }) => /^(src|test|bench)\//.test(target));
    expect(own.filter(({ target }) => !target.endsWith('.ts'))).toEqual([]);
    expect(own.filter(({ target }) => !target.startsWith('src/'))).toEqual([]);
  });
});
