import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GscipError } from '../base/errors.ts';
import type { PersistedKeys } from './bundle-keys.ts';

/** What the node keeps beside its bundle, so that nothing goes back and a restart finds its peers. */
export interface KeptState {
  /** hex of the authority's key: pinned at the first import */
  readonly admin: string;
  /** number of the newest bundle taken */
  readonly bundleNumber: number;
  readonly keys: PersistedKeys;
  /** by node id: where the peer was last proved to be */
  readonly paths: Readonly<Record<string, string>>;
}

const FILES = { bundle: 'bundle.cbor', kept: 'kept.json', config: 'config.toml' } as const;

/** The node's folder: mode 0700, files 0600, each replaced as a whole. */
export class StateDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      chmodSync(path, 0o700);
    } catch (cause) {
      throw new GscipError(
        'no-state',
        `cannot use the folder ${path}`,
        'run with sudo, or name another with --state',
        cause,
      );
    }
  }

  bundle(): Uint8Array | undefined {
    return this.#read(FILES.bundle);
  }

  writeBundle(bytes: Uint8Array): void {
    this.#write(FILES.bundle, bytes);
  }

  config(): string | undefined {
    const bytes = this.#read(FILES.config);
    return bytes && new TextDecoder().decode(bytes);
  }

  writeConfig(text: string): void {
    this.#write(FILES.config, new TextEncoder().encode(text));
  }

  kept(): KeptState | undefined {
    const bytes = this.#read(FILES.kept);
    if (!bytes) return undefined;
    try {
      const kept: KeptState = JSON.parse(new TextDecoder().decode(bytes));
      if (typeof kept.admin === 'string' && typeof kept.keys.leaseClock === 'number') return kept;
    } catch {
      // as a wrong shape below
    }
    throw new GscipError(
      'state-damaged',
      `${join(this.path, FILES.kept)} is damaged`,
      'restore it from a backup; without it an older key could be taken for the newest',
    );
  }

  writeKept(kept: KeptState): void {
    this.#write(FILES.kept, new TextEncoder().encode(`${JSON.stringify(kept, null, 2)}\n`));
  }

  #read(name: string): Uint8Array | undefined {
    try {
      return readFileSync(join(this.path, name));
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      throw new GscipError('no-state', `cannot read ${join(this.path, name)}`, 'run with sudo', cause);
    }
  }

  #write(name: string, bytes: Uint8Array): void {
    const file = join(this.path, name);
    const fresh = `${file}.new`;
    const fd = openSync(fresh, 'w', 0o600);
    try {
      writeSync(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, file);
  }
}
