import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { GscipError } from '../base/errors.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { PersistedKeys } from './bundle-keys.ts';
import { parseKept } from './kept-state.ts';
import { packageRelease } from './server-link/release.ts';
import { refuseNewerState, stateMarker } from './state-format.ts';

/** What the node keeps beside its bundle, so that nothing goes back and a restart finds its peers. */
export interface KeptState {
  /** hex of the authority's key: pinned at the first import */
  readonly admin: string;
  /** id of the node that this folder belongs to */
  readonly node: string;
  /** number of the newest bundle taken */
  readonly bundleNumber: number;
  readonly keys: PersistedKeys;
  /** by node id: where the peer was last proved to be */
  readonly paths: Readonly<Record<string, PathAddress>>;
}

const FILES = {
  bundle: 'bundle.cbor',
  kept: 'kept.json',
  config: 'config.toml',
  hedge: 'hedge.bin',
  /** kernel switches that a GEN has set, to be set back after a crash */
  switches: 'switches.json',
  /** sealed: the node's own seed, and what it knows its server by */
  identity: 'identity.key',
  /** sealed: keys, rosters and endpoints as they were last */
  cache: 'keys.sealed',
  /** the key that these two are sealed with: as it is, or sealed itself by the machine */
  sealKey: 'seal.key',
  sealCredential: 'seal.cred',
  /** of a closed node: rules that nftables loads before the network is up */
  lock: 'lock.nft',
  /** there while somebody has opened the lock by hand */
  lockOpened: 'lock.opened',
  /** numbers behind the names of servers */
  addresses: 'server-addresses.json',
  /** what the machine's resolver was told, to be taken back after a crash */
  names: 'names.json',
  /** format and release of all of these; last, so that it goes last */
  marker: 'state.json',
} as const;

/** Files whose content is the business of others. */
export type SealedFile = 'identity' | 'cache' | 'sealKey' | 'sealCredential';

/** Files that hold no secret, read by others, too. */
export type TextFile = 'lock' | 'lockOpened' | 'addresses' | 'names';

/** Write permission for group and others. */
const OTHERS_WRITE = 0o022;

/** The node's folder: made with mode 0700 at the first write, files 0600, each replaced as a whole. */
export class StateDir {
  readonly path: string;
  #marked: boolean;

  /**
   * Changes nothing; throws where the folder could be changed by others, and where a newer release wrote it. What must work
   * whichever release was here last takes `any`.
   */
  constructor(path: string, writtenBy: 'known' | 'any' = 'known') {
    this.path = path;
    this.#marked = writtenBy === 'any'; // what another release has marked stays marked by it
    const mode = this.#mode();
    if (mode !== undefined && (mode & OTHERS_WRITE) !== 0)
      throw new GscipError(
        'folder-open',
        `other users of the machine may change the folder ${path}`,
        `run: chmod 700 ${path}, or name a folder of its own with --state`,
      );
    const marker = mode === undefined || writtenBy === 'any' ? undefined : this.#read(FILES.marker);
    if (marker) refuseNewerState(path, new TextDecoder().decode(marker), packageRelease());
  }

  bundle(): Uint8Array | undefined {
    return this.#read(FILES.bundle);
  }

  writeBundle(bytes: Uint8Array): void {
    this.#write(FILES.bundle, bytes);
  }

  /** The file of settings that a bare start resumes with. */
  get configPath(): string {
    return join(this.path, FILES.config);
  }

  config(): string | undefined {
    const bytes = this.#read(FILES.config);
    return bytes && new TextDecoder().decode(bytes);
  }

  writeConfig(text: string): void {
    this.#write(FILES.config, new TextEncoder().encode(text));
  }

  hedge(): Uint8Array | undefined {
    return this.#read(FILES.hedge);
  }

  writeHedge(bytes: Uint8Array): void {
    this.#write(FILES.hedge, bytes);
  }

  switches(): string | undefined {
    const bytes = this.#read(FILES.switches);
    return bytes && new TextDecoder().decode(bytes);
  }

  writeSwitches(text: string): void {
    this.#write(FILES.switches, new TextEncoder().encode(text));
  }

  sealed(file: SealedFile): Uint8Array | undefined {
    return this.#read(FILES[file]);
  }

  writeSealed(file: SealedFile, bytes: Uint8Array): void {
    this.#write(FILES[file], bytes);
  }

  writeSealedLater(file: SealedFile, bytes: Uint8Array): Promise<void> {
    return this.#writeLater(FILES[file], bytes);
  }

  /** Takes away everything that makes this the folder of one node, overwriting what is secret as far as the disk does. */
  forget(): void {
    for (const name of Object.values(FILES)) {
      const bytes = this.#read(name);
      if (!bytes) continue;
      this.#write(name, new Uint8Array(bytes.length));
      discard(join(this.path, name));
    }
  }

  text(file: TextFile): string | undefined {
    const bytes = this.#read(FILES[file]);
    return bytes && new TextDecoder().decode(bytes);
  }

  writeText(file: TextFile, text: string): void {
    this.#write(FILES[file], new TextEncoder().encode(text));
  }

  /** Takes one file away. */
  discard(file: SealedFile | TextFile): void {
    discard(join(this.path, FILES[file]));
  }

  kept(): KeptState | undefined {
    const bytes = this.#read(FILES.kept);
    if (!bytes) return undefined;
    const kept = parseKept(new TextDecoder().decode(bytes));
    if (kept) return kept;
    throw new GscipError(
      'state-damaged',
      `${join(this.path, FILES.kept)} is damaged`,
      'restore it from a backup; without it an older key could be taken for the newest',
    );
  }

  writeKept(kept: KeptState): void {
    this.#write(FILES.kept, new TextEncoder().encode(keptText(kept)));
  }

  writeBundleLater(bytes: Uint8Array): Promise<void> {
    return this.#writeLater(FILES.bundle, bytes);
  }

  /** The same as `writeKept`, while the event loop goes on. */
  writeKeptLater(kept: KeptState): Promise<void> {
    return this.#writeLater(FILES.kept, new TextEncoder().encode(keptText(kept)));
  }

  #mode(): number | undefined {
    try {
      return statSync(this.path, { throwIfNoEntry: false })?.mode;
    } catch (cause) {
      throw this.#failure('use', this.path, cause);
    }
  }

  #read(name: string): Uint8Array | undefined {
    try {
      return readFileSync(join(this.path, name));
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      throw this.#failure('read', join(this.path, name), cause);
    }
  }

  /** Before the first change: the folder says which release makes it. */
  #mark(): void {
    if (this.#marked) return;
    const marker = stateMarker(packageRelease());
    const held = this.#read(FILES.marker);
    if (!held || new TextDecoder().decode(held) !== marker)
      this.#replace(FILES.marker, new TextEncoder().encode(marker));
    this.#marked = true;
  }

  #write(name: string, bytes: Uint8Array): void {
    this.#mark();
    this.#replace(name, bytes);
  }

  #replace(name: string, bytes: Uint8Array): void {
    const file = join(this.path, name);
    const fresh = `${file}.new`;
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      writeWhole(fresh, bytes);
      renameSync(fresh, file);
    } catch (cause) {
      discard(fresh);
      throw this.#failure('write', file, cause);
    }
  }

  async #writeLater(name: string, bytes: Uint8Array): Promise<void> {
    this.#mark();
    const file = join(this.path, name);
    const fresh = `${file}.new`;
    try {
      await mkdir(this.path, { recursive: true, mode: 0o700 });
      await writeWholeLater(fresh, bytes);
      await rename(fresh, file);
    } catch (cause) {
      discard(fresh);
      throw this.#failure('write', file, cause);
    }
  }

  #failure(what: string, path: string, cause: unknown): GscipError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new GscipError(
      'no-state',
      `cannot ${what} ${path}: ${why}`,
      'run with sudo, make room on the disk, or name another folder with --state',
      cause,
    );
  }
}

/** Where nothing could be written, there may be no folder either. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // the error that led here is told
  }
}

async function writeWholeLater(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function keptText(kept: KeptState): string {
  return `${JSON.stringify(kept, null, 2)}\n`;
}

function writeWhole(file: string, bytes: Uint8Array): void {
  const fd = openSync(file, 'w', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
