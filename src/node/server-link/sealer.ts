import { spawnSync } from 'node:child_process';
import { concat, utf8, wipe } from '../../base/bytes.ts';
import { GscipError } from '../../base/errors.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { StateDir } from '../state-dir.ts';

/** How what is on the disk is kept from those who get hold of the disk. */
export type AtRest = 'systemd-creds' | 'file permissions only';

/** Seals and opens the files that hold secrets, under one key that is this folder's. */
export interface Sealer {
  readonly atRest: AtRest;
  seal(file: string, plain: Uint8Array): Uint8Array;
  /** undefined where the bytes were changed, cut off, or belong to another file or folder */
  open(file: string, sealed: Uint8Array): Uint8Array | undefined;
  wipe(): void;
}

/** What the machine itself can seal with: its TPM, or a key that only root reads. */
export interface MachineKeys {
  /** undefined where there is no such thing, or it failed */
  encrypt(plain: Uint8Array): Uint8Array | undefined;
  decrypt(sealed: Uint8Array): Uint8Array | undefined;
}

export interface SealTools {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly machine: MachineKeys;
}

const LABEL = 'gscip1 sealed ';
const NONCE = 24;
const KEY = 32;

/** The sealer of a folder; makes its key at the first start, sealed by the machine where that can be undone again. */
export function openSealer(state: StateDir, tools: SealTools): Sealer {
  const credential = state.sealed('sealCredential');
  if (credential) {
    const key = tools.machine.decrypt(credential);
    if (key?.length !== KEY) throw unsealable(state);
    return sealerOf(tools, key, 'systemd-creds');
  }
  const plain = state.sealed('sealKey');
  if (plain?.length === KEY) return sealerOf(tools, plain, 'file permissions only');
  if (plain) throw unsealable(state);
  return makeSealer(state, tools);
}

function makeSealer(state: StateDir, tools: SealTools): Sealer {
  const key = tools.random(KEY);
  const sealed = tools.machine.encrypt(key);
  const again = sealed && tools.machine.decrypt(sealed);
  if (sealed && again?.every((byte, i) => byte === key[i])) {
    wipe(again);
    state.writeSealed('sealCredential', sealed);
    return sealerOf(tools, key, 'systemd-creds');
  }
  state.writeSealed('sealKey', key);
  return sealerOf(tools, key, 'file permissions only');
}

function sealerOf({ provider, random }: SealTools, key: Uint8Array, atRest: AtRest): Sealer {
  const named = (file: string) => utf8(`${LABEL}${file}`);
  return {
    atRest,
    seal(file, plain) {
      const nonce = random(NONCE);
      return concat(nonce, provider.xchachaSeal(key, nonce, named(file), plain));
    },
    open(file, sealed) {
      if (sealed.length < NONCE) return undefined;
      return provider.xchachaOpen(key, sealed.slice(0, NONCE), named(file), sealed.slice(NONCE)) ?? undefined;
    },
    wipe: () => wipe(key),
  };
}

function unsealable(state: StateDir): GscipError {
  return new GscipError(
    'state-sealed',
    `the key that ${state.path} is sealed with cannot be opened on this machine`,
    'the folder was copied from another machine, or its TPM or host key was replaced: join again with a new token and another --state',
  );
}

/** systemd-creds, which takes the TPM and the host's key, whichever there is. */
export const systemdCredentials: MachineKeys = {
  encrypt: (plain) => run(['encrypt', '--name=gscip', '-', '-'], plain),
  decrypt: (sealed) => run(['decrypt', '--name=gscip', '-', '-'], sealed),
};

/** It is called at the start only, before any packet. */
function run(options: readonly string[], input: Uint8Array): Uint8Array | undefined {
  const { status, stdout, error } = spawnSync('systemd-creds', options, { input, timeout: 10_000 });
  return error === undefined && status === 0 && stdout.length > 0 ? new Uint8Array(stdout) : undefined;
}
