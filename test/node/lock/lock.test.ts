import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { GscipError } from '../../../src/base/errors.ts';
import {
  closeKept,
  Lock,
  type LockFacts,
  type LockPorts,
  openByHand,
  whatStaysKept,
} from '../../../src/node/lock/lock.ts';
import { lockTable } from '../../../src/node/lock/lock-rules.ts';
import { StateDir } from '../../../src/node/state-dir.ts';
import { parsePrefix } from '../../../src/tun/prefix.ts';

/** nftables with room for one table, which it lists as its text. */
class FakeTables implements LockPorts {
  held: string | undefined;
  ran = 0;
  isMissing = false;
  ruleset: readonly unknown[] = [];
  /** undefined: as where the kernel cannot be asked */
  changes: number | undefined;
  lists: string[] = [];
  dropped = 0;
  /** another program flushes all rules right after the next script */
  isFlushed = false;

  run(script: string): Promise<void> {
    if (this.isMissing) return Promise.reject(new GscipError('no-nft', 'no nft', 'install it'));
    this.ran++;
    const made = script.split('delete table').at(1) ?? '';
    this.held = made.includes('{') ? made : undefined;
    this.dropped = 0;
    if (this.isFlushed) this.held = undefined;
    this.isFlushed = false;
    return Promise.resolve();
  }

  generation(): number | undefined {
    return this.changes;
  }

  list([what]: readonly string[]): Promise<readonly unknown[]> {
    this.lists.push(what);
    if (what === 'ruleset') return Promise.resolve(this.ruleset);
    if (what === 'tables') return Promise.resolve([]);
    if (this.held === undefined) return Promise.reject(new GscipError('nft-failed', 'no such table', ''));
    const counter = { family: 'inet', table: 'x', name: 'guard-leaving', handle: 7, packets: this.dropped, bytes: 0 };
    return Promise.resolve([{ table: { family: 'inet', name: 'x', text: this.held } }, { counter }]);
  }
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-lock-'));
  folders.push(folder);
  const [state, tables, events] = [new StateDir(folder), new FakeTables(), [] as string[]];
  const counted = new Map<string, number>();
  const count = (name: string, packets: number) => void counted.set(name, (counted.get(name) ?? 0) + packets);
  const lock = new Lock(state, 'gscip0', { log: (_, event) => void events.push(event) }, tables, count);
  return { counted, folder, file: join(folder, 'lock.nft'), state, tables, events, lock };
}

const CLOSED: LockFacts = { mode: 'cl', type: 'ges', overlay: [], between: undefined, strange: [], routers: [] };
const OPEN: LockFacts = {
  mode: 'op',
  type: 'ges',
  overlay: [parsePrefix('100.64.0.0/10')],
  between: undefined,
  strange: [],
  routers: [],
};
/** Times at which it looks. */
const [FIRST, SECOND] = [10_000, 20_000];

async function look(lock: Lock, at: number): Promise<string[]> {
  lock.tick(at);
  await lock.follow(CLOSED);
  return lock.health().map(({ code }) => code);
}

describe('the lock of a node', () => {
  it('tells what the guard dropped, each packet once, also when the rules are replaced', async () => {
    const { lock, tables, counted, events } = setUp();
    await lock.follow(OPEN);
    tables.dropped = 3;
    tables.changes = 1;
    for (const at of [FIRST, SECOND]) lock.tick(at);
    for (let times = 0; times < 2; times++) await lock.count();
    expect(counted.get('guard-leaving')).toBe(3);
    tables.dropped = 5;
    await lock.follow({ ...OPEN, strange: [parsePrefix('192.168.7.0/24')] });
    expect(counted.get('guard-leaving')).toBe(5);
    tables.dropped = 1;
    await lock.count();
    expect([counted.get('guard-leaving'), events.includes('lock-restored')]).toEqual([6, false]);
  });

  it('follows the mode, and keeps the rules of a closed node for the next start', async () => {
    const { lock, tables, file } = setUp();
    await lock.follow(OPEN);
    expect([lock.status().state, existsSync(file)]).toEqual(['guard', false]);
    await lock.follow(CLOSED);
    expect(lock.status()).toEqual({ state: 'closed', table: lockTable('gscip0') });
    expect(readFileSync(file, 'utf8')).toContain(tables.held);
    await lock.follow(OPEN);
    expect([lock.status().state, existsSync(file)]).toEqual(['guard', false]);
  });

  it('E3: says that it is closed only when the kernel has taken the rules', async () => {
    const { lock } = setUp();
    await lock.follow(OPEN);
    const settled = lock.follow(CLOSED);
    await Promise.resolve();
    expect(lock.status().state).not.toBe('closed');
    await settled;
    expect(lock.status().state).toBe('closed');
  });

  it('changes nothing while nothing has changed', async () => {
    const { lock, tables } = setUp();
    await lock.follow(OPEN);
    await lock.follow(OPEN);
    expect(tables.ran).toBe(1);
    await lock.follow({ ...OPEN, overlay: [...OPEN.overlay, parsePrefix('10.9.0.0/16')] });
    expect(tables.held).toContain('10.9.0.0/16');
  });

  it('comes back also where it was taken away in the moment in which it was made', async () => {
    const { lock, tables } = setUp();
    tables.changes = 7;
    tables.isFlushed = true;
    await lock.follow(CLOSED);
    expect(tables.held).toBeUndefined();
    expect(await look(lock, FIRST)).toEqual(['lock-restored']);
    expect(tables.held).toBeDefined();
  });

  it('lists the rules again only where any rules of the machine changed', async () => {
    const { lock, tables } = setUp();
    tables.changes = 7;
    await lock.follow(CLOSED);
    expect(await look(lock, FIRST)).toEqual([]);
    tables.lists = [];
    expect(await look(lock, FIRST + 100_000)).toEqual([]);
    expect(tables.lists).toEqual([]);
    tables.changes = 8;
    expect(await look(lock, FIRST + 200_000)).toEqual([]);
    expect(tables.lists).toEqual(['table', 'ruleset']);
    tables.changes = 9;
    tables.held = undefined;
    expect(await look(lock, FIRST + 300_000)).toEqual(['lock-restored']);
    expect(tables.held).toBeDefined();
  });

  it('E3: stays closed when the node ends, and opens nothing behind the back of a closed node', async () => {
    const { lock, tables } = setUp();
    await lock.follow(CLOSED);
    await lock.release();
    expect(tables.held).toContain('policy drop');
    await lock.follow(OPEN);
    expect(tables.held).toContain('policy drop');
  });

  it('leaves nothing of an open node behind, nor of one that left its network', async () => {
    const { lock, tables } = setUp();
    await lock.follow(OPEN);
    await lock.release();
    expect(tables.held).toBeUndefined();
    const other = setUp();
    await other.lock.follow(CLOSED);
    await other.lock.forget();
    expect(other.tables.held).toBeUndefined();
  });

  it('leaves nothing of an open node behind either when its last rules could not be put in force', async () => {
    const { lock, tables } = setUp();
    await lock.follow(OPEN);
    tables.isMissing = true;
    await lock.follow({ ...OPEN, overlay: [parsePrefix('100.65.0.0/16')] });
    tables.isMissing = false;
    expect(tables.held).toBeDefined();
    await lock.release();
    expect(tables.held).toBeUndefined();
  });

  it('E3: puts back what another program took away or changed, and says so', async () => {
    const { lock, tables, events } = setUp();
    await lock.follow(CLOSED);
    expect(await look(lock, FIRST)).toEqual([]);
    tables.held = undefined;
    expect(await look(lock, SECOND)).toEqual(['lock-restored']);
    expect(tables.held).toContain('policy drop');
    expect(events).toContain('lock-restored');
  });

  it('leaves open what root opened by hand, until it is closed again', async () => {
    const { lock, tables, state } = setUp();
    await lock.follow(CLOSED);
    expect(whatStaysKept(state).lock).toBe('closed');
    await openByHand(state, 'gscip0', tables);
    expect(whatStaysKept(state).lock).toBe('open');
    expect(tables.held).toBeUndefined();
    expect(await look(lock, FIRST)).toEqual(['lock-opened']);
    expect([lock.status().state, tables.held]).toEqual(['open', undefined]);
    expect(await closeKept(state, tables)).toBe(true);
    expect(await look(lock, SECOND)).toEqual([]);
    expect(lock.status().state).toBe('closed');
  });

  it('E3: is closed by a start before the node is there, also when it was opened by hand', async () => {
    const { lock, tables, state } = setUp();
    expect(await closeKept(state, tables)).toBe(false);
    expect(whatStaysKept(state).lock).toBe('none');
    await lock.follow(CLOSED);
    await openByHand(state, 'gscip0', tables);
    expect(await closeKept(state, tables)).toBe(true);
    expect(tables.held).toContain('policy drop');
    expect(state.text('lockOpened')).toBeUndefined();
  });

  it('E3: keeps a closed node from starting where it cannot be closed, and is tried again in one that runs', async () => {
    const { lock, tables } = setUp();
    tables.isMissing = true;
    await lock.follow(CLOSED);
    expect(() => lock.refuseOpen()).toThrow('no nft');
    expect(lock.status().state).toBe('open');
    expect(lock.health().map(({ code }) => code)).toEqual(['lock-off']);
    tables.isMissing = false;
    expect(await look(lock, FIRST)).toEqual([]);
    expect(lock.status().state).toBe('closed');
  });

  it('lets an open node run without nftables, and says what is missing', async () => {
    const { lock, tables } = setUp();
    tables.isMissing = true;
    await lock.follow(OPEN);
    lock.refuseOpen();
    expect([lock.status().state, lock.health().map(({ code }) => code)]).toEqual(['none', ['guard-off']]);
  });

  it('tells of what stands in front of it', async () => {
    const { lock, tables } = setUp();
    tables.ruleset = [{ flowtable: { family: 'inet', table: 'fw4', name: 'ft' } }];
    await lock.follow(CLOSED);
    expect(await look(lock, 100_000)).toEqual(['lock-passed-by']);
  });
});
