import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/base/bytes.ts';
import { nodeProvider as provider } from '../../../src/crypto/node-provider.ts';
import { type MachineKeys, openSealer } from '../../../src/node/server-link/sealer.ts';
import { StateDir } from '../../../src/node/state-dir.ts';
import { seededRandom } from '../seeded-random.ts';
import { NO_MACHINE_KEYS } from './machine.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-seal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A machine whose key is one byte. */
const xor = (key: number): MachineKeys => ({
  encrypt: (plain) => plain.map((byte) => byte ^ key),
  decrypt: (sealed) => sealed.map((byte) => byte ^ key),
});
const failing: MachineKeys = { encrypt: (plain) => plain, decrypt: () => undefined };
const PLAIN = utf8('a key, say');
let runs = 0;
const open = (machine: MachineKeys) =>
  openSealer(new StateDir(folder), { provider, random: seededRandom(`seal ${runs++}`), machine });

describe('the seal of a state folder', () => {
  it.each([
    ['systemd-creds', xor(7), 'seal.cred'],
    ['file permissions only', NO_MACHINE_KEYS, 'seal.key'],
    ['file permissions only', failing, 'seal.key'],
  ] as const)('is %s where the machine allows no better, and opens again at the next start', (atRest, machine, file) => {
    const first = open(machine);
    const sealed = first.seal('cache', PLAIN);
    expect(readdirSync(folder)).toEqual([file, 'state.json']);
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    const second = open(machine);
    expect([first.atRest, second.atRest]).toEqual([atRest, atRest]);
    expect(second.open('cache', sealed)).toEqual(PLAIN);
  });

  it('opens nothing that was changed, cut off, or belongs to another file', () => {
    const sealer = open(NO_MACHINE_KEYS);
    const sealed = sealer.seal('cache', PLAIN);
    expect(sealer.open('identity', sealed)).toBeUndefined();
    for (let length = 0; length < sealed.length; length++)
      expect(sealer.open('cache', sealed.slice(0, length))).toBeUndefined();
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at] ^= 1;
      expect(sealer.open('cache', changed)).toBeUndefined();
    }
  });

  it('never seals two times the same way', () => {
    const sealer = open(NO_MACHINE_KEYS);
    expect(sealer.seal('cache', PLAIN)).not.toEqual(sealer.seal('cache', PLAIN));
  });

  it('cannot be opened on another machine, and says so', () => {
    open(xor(7));
    expect(() => open(NO_MACHINE_KEYS)).toThrow(expect.objectContaining({ code: 'state-sealed' }));
  });

  it('holds no key in clear where the machine seals it', () => {
    const random = seededRandom('known');
    openSealer(new StateDir(folder), { provider, random, machine: xor(7) });
    const key = seededRandom('known')(32);
    expect(Buffer.from(readFileSync(join(folder, 'seal.cred'))).includes(Buffer.from(key))).toBe(false);
  });

  it('is refused when its file is cut off', () => {
    open(NO_MACHINE_KEYS);
    writeFileSync(join(folder, 'seal.key'), new Uint8Array(31));
    expect(() => open(NO_MACHINE_KEYS)).toThrow(expect.objectContaining({ code: 'state-sealed' }));
  });
});
