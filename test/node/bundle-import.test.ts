import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GscipError } from '../../src/base/errors.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { importBundle, importOrKeep } from '../../src/node/bundle-import.ts';
import { type KeptState, StateDir } from '../../src/node/state-dir.ts';
import { World } from './world.ts';

let folder = '';
let state: StateDir;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-import-'));
  state = new StateDir(join(folder, 'state'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A network with the nodes a and b. */
function network(seed: string): World {
  const world = new World(seed);
  world.authority.group('office');
  for (const name of ['a', 'b']) world.authority.add(name, ['office']);
  return world;
}

function write(name: string, bytes: Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

const read = (world: World, file: string | undefined, kept?: KeptState) =>
  importBundle(state, file, kept, nodeProvider, world.wall());

function refusal(act: () => unknown): GscipError {
  try {
    act();
  } catch (error) {
    if (error instanceof GscipError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

/** What a node keeps after it took a bundle. */
function keptAfter(world: World, file: string): KeptState {
  const { verified, admin, bytes } = read(world, file);
  state.writeBundle(bytes);
  const keys = { groups: {}, rosters: {}, leaseClock: 0 };
  return { admin, node: verified.caPart.nodeId, bundleNumber: verified.bundle.number, keys, paths: {} };
}

describe('the first bundle of a node', () => {
  it('is read from the file that is named', () => {
    const world = network('one');
    const { verified, bytes, admin } = read(world, write('a', world.authority.file('a')));
    expect(verified.bundle.node.name).toBe('a');
    expect(bytes.length).toBeGreaterThan(500);
    expect(admin).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is missed when there is none', () => {
    const world = network('one');
    expect(refusal(() => read(world, undefined)).code).toBe('no-bundle');
    const error = refusal(() => read(world, join(folder, 'nothing')));
    expect(error.code).toBe('no-bundle');
    expect(error.message).toContain('nothing');
    mkdirSync(join(folder, 'dir'));
    expect(refusal(() => read(world, join(folder, 'dir'))).code).toBe('no-bundle');
  });

  const damages: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array, string])[] = [
    ['empty', () => new Uint8Array(0), 'bundle-truncated'],
    ['cut off', (bytes) => bytes.subarray(0, bytes.length - 1), 'bundle-truncated'],
    ['cut in half', (bytes) => bytes.subarray(0, bytes.length >> 1), 'bundle-truncated'],
    ['followed by something', (bytes) => Uint8Array.from([...bytes, 0]), 'bundle-trailing-bytes'],
    ['another file', () => new TextEncoder().encode('hello, world\n'.repeat(20)), 'bundle-'],
    ['changed', (bytes) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte)), 'bundle-signature'],
  ];
  it.each(damages)('is refused by name when it is %s', (_, damage, code) => {
    const world = network('one');
    const error = refusal(() => read(world, write('a', damage(world.authority.file('a')))));
    expect(error.code).toContain(code);
    expect(error.message).toContain(join(folder, 'a'));
    expect(error.remedy).not.toBe('');
  });

  it('is refused wherever one byte is another', () => {
    const world = network('one');
    const whole = world.authority.file('a');
    for (let at = 0; at < whole.length; at += 37) {
      const file = write(
        'a',
        whole.map((byte, i) => (i === at ? byte ^ 0x20 : byte)),
      );
      expect(refusal(() => read(world, file)).code).toMatch(/^bundle-/);
    }
  });

  it('may be a device without an end and is refused then, too', () => {
    expect(refusal(() => read(network('one'), '/dev/zero')).code).toMatch(/^bundle-/);
  });
});

describe('a further bundle of a node', () => {
  it('is taken when it is newer, and the kept one when no file is named or the file is gone', () => {
    const world = network('one');
    const file = write('a', world.authority.file('a'));
    const kept = keptAfter(world, file);
    world.authority.roll('office');
    write('a', world.authority.file('a'));
    expect(read(world, file, kept).verified.bundle.number).toBeGreaterThan(kept.bundleNumber);
    expect(read(world, undefined, kept).verified.bundle.number).toBe(kept.bundleNumber);
    rmSync(file);
    expect(read(world, file, kept).verified.bundle.number).toBe(kept.bundleNumber);
  });

  it('is refused when it is older, of another authority, or of another node', () => {
    const world = network('one');
    const old = write('old', world.authority.file('a'));
    world.authority.roll('office');
    const kept = keptAfter(world, write('new', world.authority.file('a')));
    expect(refusal(() => read(world, old, kept)).code).toBe('bundle-rolled-back');
    const other = write('other', world.authority.file('b'));
    expect(refusal(() => read(world, other, kept)).code).toBe('bundle-other-node');
    const foreign = network('two');
    for (let roll = 0; roll < 3; roll++) foreign.authority.roll('office');
    const strange = write('strange', foreign.authority.file('a'));
    expect(refusal(() => read(world, strange, kept)).code).toBe('bundle-other-authority');
  });

  it('that is bad gives way to the kept one at a start, unless it was named just now', () => {
    const world = network('one');
    const file = write('a', world.authority.file('a'));
    const kept = keptAfter(world, file);
    write('a', new Uint8Array(10));
    const start = (given: boolean) => importOrKeep(state, { file, given }, kept, nodeProvider, world.wall());
    expect(refusal(() => start(true)).code).toMatch(/^bundle-/);
    const taken = start(false);
    expect(taken.verified.bundle.number).toBe(kept.bundleNumber);
    expect(taken.refused?.code).toMatch(/^bundle-/);
  });
});
