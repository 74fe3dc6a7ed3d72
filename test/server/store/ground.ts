import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { groupId, nodeId, unixSeconds } from '../../../src/base/brands.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import type { Draft } from '../../../src/server/network/draft.ts';
import type { NodeRow, SettingsRow, TokenRow } from '../../../src/server/network/state.ts';
import { openStore } from '../../../src/server/store/open-store.ts';
import type { Actor, Store, StoreOptions } from '../../../src/server/store/store.ts';

export const SEAL_KEY = new Uint8Array(32).fill(7);
export const NOW = unixSeconds(1_800_000_000);
export const GROUP = groupId('aa'.repeat(16));
export const ROOT: Actor = { kind: 'local', name: 'root' };

/** A folder that is gone at the end of the test file. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-store-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

export function removeTestFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function options(database: string, sealKey = SEAL_KEY): StoreOptions {
  return {
    database,
    sealKey,
    provider: nodeProvider,
    random: (length) => Uint8Array.from(randomBytes(length)),
    now: () => NOW,
  };
}

/** Stores that a test opens, closed in any case. */
export class Stores {
  readonly #open: Store[] = [];

  async open(database: string, sealKey = SEAL_KEY): Promise<Store> {
    const store = await openStore(options(database, sealKey));
    this.#open.push(store);
    return store;
  }

  async closeAll(): Promise<void> {
    for (const store of this.#open.splice(0)) await store.close();
  }
}

export function settingsRow(over: Partial<SettingsRow> = {}): SettingsRow {
  return {
    network: 'home',
    pool: { family: 4, address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 90, 0, 0), length: 16 },
    ula: Uint8Array.of(0xfd, 1, 2, 3, 4, 5),
    adminSeed: new Uint8Array(32).fill(1),
    caSeed: new Uint8Array(32).fill(2),
    asSeed: new Uint8Array(32).fill(3),
    gmsSeed: new Uint8Array(32).fill(4),
    nextSerial: 1,
    nextHost: 1,
    number: 1,
    timeZone: 'UTC',
    domain: GROUP,
    lease: 259_200,
    certificateLife: 31_536_000,
    createdAt: NOW,
    ...over,
  };
}

export function tokenRow(id: string, over: Partial<TokenRow> = {}): TokenRow {
  return {
    id,
    secret: Uint8Array.from(Buffer.from(`secret of token ${id}`.padEnd(32, '.').slice(0, 32))),
    user: 'anna',
    groups: [GROUP],
    type: 'ges',
    mode: 'op',
    routes: [],
    uses: 1,
    used: [],
    expiresAt: NOW,
    approval: false,
    ephemeral: false,
    endsAt: undefined,
    replaces: undefined,
    createdBy: 'root',
    createdAt: NOW,
    revoked: false,
    ...over,
  };
}

export function nodeRow(number: number, over: Partial<NodeRow> = {}): NodeRow {
  const id = nodeId(number.toString(16).padStart(32, '0'));
  return {
    id,
    name: `node-${number}`,
    user: 'anna',
    type: 'gen',
    mode: 'cl',
    standing: 'active',
    edPublic: new Uint8Array(32).fill(number),
    caPart: new Uint8Array(200).fill(number),
    certificateEnds: NOW,
    ipv4: Uint8Array.of(100, 90, number >> 8, number & 255),
    ipv6: new Uint8Array(16).fill(number),
    routes: [{ family: 6, address: Uint8Array.of(0xfd, 9, ...new Uint8Array(14)), length: 16 }],
    groups: [GROUP],
    ephemeral: false,
    endsAt: undefined,
    token: 'feed',
    number: 1,
    addedAt: NOW,
    lastSeen: NOW,
    removedAt: undefined,
    ...over,
  };
}

/** The usual commands: a user comes, goes; a network is made. */
export function addUser(name: string): (draft: Draft) => void {
  return (draft) => draft.put({ table: 'users', key: name, row: { name, createdAt: NOW } });
}

export function removeUser(name: string): (draft: Draft) => void {
  return (draft) => draft.put({ table: 'users', key: name, row: undefined });
}

export function putSettings(row = settingsRow()): (draft: Draft) => void {
  return (draft) => draft.put({ table: 'settings', key: 'network', row });
}

export function putToken(row: TokenRow): (draft: Draft) => void {
  return (draft) => draft.put({ table: 'tokens', key: row.id, row });
}

/** All rows of a state, to compare. */
export function rowsOf(store: Store): object {
  return Object.fromEntries(Object.entries(store.state.tables).map(([name, rows]) => [name, [...rows.entries()]]));
}
