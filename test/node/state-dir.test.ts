import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeId } from '../../src/base/brands.ts';
import { GscipError } from '../../src/base/errors.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { parseKept } from '../../src/node/kept-state.ts';
import { type KeptState, StateDir } from '../../src/node/state-dir.ts';

const KEPT: KeptState = {
  admin: 'ab'.repeat(32),
  node: nodeId('cd'.repeat(16)),
  bundleNumber: 7,
  keys: {
    groups: { ['ef'.repeat(16)]: { highestCurrent: 4, removalFloor: 2 } },
    rosters: {},
    leaseClock: 1_767_225_600,
  },
  paths: { ['11'.repeat(16)]: pathAddress('[2001:db8::1]:5') },
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof GscipError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('the state folder', () => {
  it('keeps what it was given, readable by its owner alone', () => {
    const path = join(folder, 'deep', 'down');
    const state = new StateDir(path);
    expect(existsSync(path)).toBe(false);
    expect([state.bundle(), state.config(), state.kept()]).toEqual([undefined, undefined, undefined]);
    state.writeBundle(Uint8Array.of(1, 2, 3));
    state.writeConfig('mtu = 1400\n');
    state.writeKept(KEPT);
    const again = new StateDir(path);
    expect(again.bundle()?.join()).toBe('1,2,3');
    expect(again.config()).toBe('mtu = 1400\n');
    expect(again.kept()).toEqual(KEPT);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(path)) expect(statSync(join(path, name)).mode & 0o777).toBe(0o600);
  });

  it('replaces files as a whole and leaves nothing beside them', () => {
    const state = new StateDir(folder);
    state.writeBundle(new Uint8Array(100_000).fill(1));
    state.writeBundle(Uint8Array.of(2));
    expect(state.bundle()?.join()).toBe('2');
    expect(readdirSync(folder)).toEqual(['bundle.cbor', 'state.json']);
  });

  it('is refused when others may change it', () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o770);
    expect(codeOf(() => new StateDir(open))).toBe('folder-open');
    chmodSync(open, 0o755);
    expect(codeOf(() => new StateDir(open))).toBe('no error');
  });

  it('says which release wrote it, from the first change on, and forgets that with the rest', () => {
    const state = new StateDir(folder);
    expect(readdirSync(folder)).toEqual([]);
    state.writeConfig('mtu = 1400\n');
    expect(JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8'))).toEqual({
      format: 1,
      release: expect.stringMatching(/^gscip \d/),
    });
    state.forget();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of another release of the same format is taken over', () => {
    writeFileSync(join(folder, 'state.json'), '{"format":1,"release":"gscip 0.0.9"}\n');
    new StateDir(folder).writeConfig('');
    expect(readFileSync(join(folder, 'state.json'), 'utf8')).not.toContain('0.0.9');
  });

  it.each([
    '',
    '{',
    '[]',
    '{"format":"2"}',
  ])('whose marker is damaged (%s) says by its other files what it is', (text) => {
    writeFileSync(join(folder, 'state.json'), text);
    new StateDir(folder).writeConfig('');
    expect(readFileSync(join(folder, 'state.json'), 'utf8')).toContain('"format":1');
  });

  it('of a newer format is refused with both releases, and stays as it is; a lock in it can still be opened', () => {
    const newer = '{"format":2,"release":"gscip 9.1.0"}\n';
    writeFileSync(join(folder, 'state.json'), newer);
    expect(() => new StateDir(folder)).toThrow(
      /was written by gscip 9\.1\.0 in format 2; this is gscip [\d.]+, which reads format 1/,
    );
    expect(codeOf(() => new StateDir(folder))).toBe('state-newer');
    new StateDir(folder, 'any').writeText('lockOpened', '');
    expect(readFileSync(join(folder, 'state.json'), 'utf8')).toBe(newer);
  });

  it('says what it cannot use', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(codeOf(() => new StateDir(join(file, 'below')).writeConfig(''))).toBe('no-state');
    mkdirSync(join(folder, 'bundle.cbor'));
    expect(codeOf(() => new StateDir(folder).bundle())).toBe('no-state');
    expect(codeOf(() => new StateDir(folder).writeBundle(new Uint8Array(1)))).toBe('no-state');
  });

  it('R3: does not forget what must not go back: a damaged file is refused, not taken for none', () => {
    const state = new StateDir(folder);
    for (const text of ['', '{', '{}', 'null', '[]', JSON.stringify({ ...KEPT, admin: 5 })]) {
      writeFileSync(join(folder, 'kept.json'), text);
      expect(codeOf(() => state.kept())).toBe('state-damaged');
    }
  });
});

describe('kept state', () => {
  it('is read as it was written', () => {
    expect(parseKept(JSON.stringify(KEPT))).toEqual(KEPT);
  });

  it.each([
    ['admin', 'AB'.repeat(32)],
    ['admin', 'ab'],
    ['node', ''],
    ['bundleNumber', -1],
    ['bundleNumber', null],
    ['keys', {}],
    ['keys', { groups: {}, leaseClock: '5' }],
    ['keys', { groups: { x: { highestCurrent: 1, removalFloor: 0 } }, leaseClock: 5 }],
    ['keys', { groups: { ['ef'.repeat(16)]: { highestCurrent: 1 } }, leaseClock: 5 }],
    ['paths', null],
    ['paths', { ['11'.repeat(16)]: 'nowhere' }],
    ['paths', { ['11'.repeat(16)]: 5 }],
  ])('is refused with %s = %j', (field, value) => {
    expect(parseKept(JSON.stringify({ ...KEPT, [field]: value }))).toBeUndefined();
  });

  it('is refused with any field missing', () => {
    for (const field of Object.keys(KEPT))
      expect(parseKept(JSON.stringify({ ...KEPT, [field]: undefined }))).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseKept(text)),
      { numRuns: 500, seed: 4 },
    );
  });
});
