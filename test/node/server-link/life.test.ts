import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { concat, fromHex, utf8 } from '../../../src/base/bytes.ts';
import { GscipError } from '../../../src/base/errors.ts';
import { decodeCaPart } from '../../../src/crypto/credential.ts';
import { nodeProvider as provider } from '../../../src/crypto/node-provider.ts';
import { encodeCachedKeys } from '../../../src/node/cached-keys.ts';
import { serverStatus } from '../../../src/node/server-link/server-status.ts';
import { StateDir } from '../../../src/node/state-dir.ts';
import { rollGroup } from '../../../src/server/network/commands/groups.ts';
import { addToGroup, removeFromGroup, removeNode } from '../../../src/server/network/commands/nodes.ts';
import { world } from '../../server/network/ground.ts';
import type { SimMachine } from './machine.ts';
import { Network, type SimServer } from './network.ts';

let net: Network;
let server: SimServer;
let a: SimMachine;
let b: SimMachine;

beforeEach(async () => {
  net = new Network();
  server = net.server();
  [a, b] = [net.machine(), net.machine()];
  a.start({ join: server.token(), name: 'a' });
  b.start({ join: server.token(), name: 'b' });
  await net.run(4);
});
afterEach(() => net.end());

const roll = () => server.ground.run((tools, draft) => void rollGroup(tools, draft, 'lab', 2));
const HOUR = 3_600;
const DAY = 24 * HOUR;

describe('a node in a session', () => {
  it('takes a roll, piece by piece, and both ends hold the same key', async () => {
    const before = a.current();
    roll();
    await net.run(5);
    expect(a.current()).not.toBe(before);
    expect(a.current()).toBe(b.current());
  });

  it('takes a second group and loses it again, while the first one stays', async () => {
    server.ground.run((tools, draft) => void addToGroup(tools, draft, 'home', 'a'));
    await net.run(3);
    expect([a.versions('home')[0], a.versions('lab')[0]]).toEqual(['current', 'current']);
    server.ground.run((tools, draft) => void removeFromGroup(tools, draft, 'home', 'a'));
    await net.run(3);
    expect([a.versions('home'), a.versions('lab')[0]]).toEqual([[], 'current']);
  });

  it('has the newest key after whatever frame broke the connection', async () => {
    for (const direction of ['up', 'down'] as const)
      for (let count = 1; count <= 8; count++) {
        net.breakAt = { direction, count };
        roll();
        await net.run(6);
        net.breakAt = undefined;
        await net.run(3);
        expect(a.current()).toBe(b.current());
      }
    expect([a.health(), b.health()]).toEqual([[], []]);
  });

  it('loses nothing by a restart of the server: its keys and versions stay as they are', async () => {
    const before = a.current();
    a.changes.length = 0;
    server.kill();
    await net.run(30);
    expect(a.health()).toEqual(['server-not-reached']);
    server.revive();
    await net.run(70);
    expect([a.current(), a.health(), a.linked?.status().connected]).toEqual([before, [], true]);
    expect(a.losses).toBe(1); // told once, not at each attempt
    expect(a.failures).toBeGreaterThan(0);
    expect(
      a.changes.flatMap(({ effects, removed, left }) => [
        ...effects.filter((e) => e.type === 'current'),
        ...removed,
        ...(left ? [0] : []),
      ]),
    ).toEqual([]);
  });

  it('finds out within seconds of a change of network that its connection is dead, and has another one', async () => {
    server.isMute = true;
    await net.run(20);
    expect(a.linked?.status().connected).toBe(true);
    a.linked?.networkChanged();
    await net.run(3);
    expect(a.linked?.status().connected).toBe(false);
    server.isMute = false;
    await net.run(20);
    server.kill();
    await net.run(600);
    server.revive();
    a.linked?.networkChanged();
    await net.run(1);
    expect(a.linked?.status().connected).toBe(true);
  });

  it('keeps a connection that outlived a change of network', async () => {
    const log = a.log.length;
    a.linked?.networkChanged();
    await net.run(10);
    expect([a.linked?.status().connected, a.log.slice(log)]).toEqual([true, []]);
  });

  it('comes back by itself, with waits that grow and differ', async () => {
    server.kill();
    await net.run(20 * 60);
    const tries = a.log.filter(({ event }) => event === 'server-not-reached').length;
    expect(tries).toBeLessThanOrEqual(2); // each reason is told once, however often it is tried
    server.revive();
    await net.run(61);
    expect(a.linked?.status().connected).toBe(true);
  });

  it('E1: takes nothing from a server that shows another key, and says so', async () => {
    const before = a.current();
    const foreign = world();
    const [settings] = [...foreign.view.rows('settings')];
    const row = { ...settings, gmsSeed: new Uint8Array(32).fill(3) };
    foreign.store.runNow({ kind: 'local', name: 'test' }, 'test', (draft) =>
      draft.put({ table: 'settings', key: 'network', row }),
    );
    server.kill();
    net.server(server.address, foreign);
    await net.run(65);
    expect([a.current(), a.health()]).toEqual([before, ['server-not-trusted']]);
    net.servers.set(server.address, server);
    server.revive();
    await net.run(65);
    expect(a.health()).toEqual([]);
  });

  it('takes no keys of another administrator, though the server proves its key', async () => {
    const [settings] = [...server.ground.view.rows('settings')];
    const row = { ...settings, adminSeed: new Uint8Array(32).fill(5) };
    server.ground.store.runNow({ kind: 'local', name: 'test' }, 'test', (draft) =>
      draft.put({ table: 'settings', key: 'network', row }),
    );
    const before = a.current();
    roll();
    await net.run(5);
    expect([a.current(), a.health()]).toEqual([before, ['update-refused']]);
    expect(a.linked?.facts().refused).toBe('bundle-other-authority');
  });

  it('asks for a whole bundle when one does not build on what it has', async () => {
    if (!a.keys) throw new Error('a is down');
    const number = vi.spyOn(a.keys, 'bundleNumber').mockReturnValue(1);
    roll();
    await net.run(5);
    expect(a.log).toContainEqual({ event: 'update-refused', fields: { fault: 'bundle-base' } });
    expect([a.current(), a.health()]).toEqual([b.current(), []]);
    number.mockRestore();
  });

  it('is told at once when a person asks for the newest keys and there are none, and gives up after five seconds', async () => {
    const ends: string[] = [];
    const reload = (what: string) =>
      void a.linked?.reload().then(
        () => ends.push(what),
        () => ends.push(`no ${what}`),
      );
    reload('nothing new');
    await net.run(0.5);
    expect(ends).toEqual(['nothing new']);
    roll();
    reload('keys');
    await net.run(0.5);
    expect([ends.at(-1), a.current()]).toEqual(['keys', b.current()]);
    server.deaf = true;
    reload('answer');
    await net.run(4);
    expect(ends).toHaveLength(2);
    await net.run(2);
    expect(ends).toHaveLength(3);
    server.deaf = false;
  });

  it('asks for nothing before the server has answered its hello, and then for all that was wanted', async () => {
    const asked: Promise<unknown>[] = [];
    a.onLog = (event) => {
      if (event === 'server-reached')
        asked.push(a.linked?.reload().catch((error: unknown) => error) ?? Promise.resolve());
    };
    server.cutAll();
    roll();
    await net.run(5);
    expect(await Promise.all(asked)).toEqual([expect.objectContaining({ code: 'server-not-reached' })]);
    expect(a.current()).toBe(b.current());
  });

  it('V3: that is removed forgets its keys at once, on the disk too, and the other one hears of it', async () => {
    server.ground.run((tools, draft) => void removeNode(tools, draft, 'a'));
    await net.run(2);
    expect([a.keys?.groups(), a.keys?.domain(), a.health()]).toEqual([[], [], ['removed']]);
    expect(readdirSync(join(a.folder, 'state'))).not.toContain('keys.sealed');
    expect(b.members()).toEqual([]);
    expect(a.changes.some(({ left }) => left)).toBe(true);
  });

  it('says farewell at its logout, and the server takes it out', async () => {
    const left = a.linked?.logout();
    await net.run(2);
    await left;
    expect([...server.ground.view.rows('nodes')].find(({ name }) => name === 'a')?.standing).toBe('removed');
    expect(b.members()).toEqual([]);
  });

  it('logs out also while the server is dead, after three seconds', async () => {
    server.kill();
    await net.run(1);
    let done = false;
    void a.linked?.logout().then(() => {
      done = true;
    });
    await net.run(4);
    expect(done).toBe(true);
  });

  it('learns where the other one is', () => {
    expect(a.linked?.facts().endpointsAt).toBeGreaterThan(0);
  });
});

describe('a restart while the server is dead', () => {
  it('goes on at once with what was kept: same keys, members and versions, and says how old it is', async () => {
    roll();
    await net.run(5);
    const before = [a.current(), a.members(), a.versions()];
    server.kill();
    await net.run(10);
    a.die();
    a.start();
    expect([a.current(), a.members(), a.versions()]).toEqual(before);
    await net.run(2 * HOUR, 100_000);
    const { ages, lastContactSeconds, leaseSeconds, atRest } = status(a);
    expect(lastContactSeconds).toBeGreaterThan(2 * HOUR);
    expect(ages.keysSeconds).toBeGreaterThan(2 * HOUR);
    expect(leaseSeconds).toBeGreaterThan(60 * HOUR);
    expect(atRest).toBe('file permissions only');
    server.revive();
    await net.run(70);
    expect([a.current(), a.health()]).toEqual([b.current(), []]);
  });

  it('V1: never makes an older key the newest one', async () => {
    const cached = readFileSync(join(a.folder, 'state', 'keys.sealed'));
    roll();
    await net.run(5);
    server.kill();
    a.die();
    writeFileSync(join(a.folder, 'state', 'keys.sealed'), cached);
    a.start();
    expect(a.versions()).not.toContain('current');
    server.revive();
    await net.run(5);
    expect(a.current()).toBe(b.current());
  });

  it('R5: three days without a server end the lease: nobody is admitted any more, and that was told before', async () => {
    server.kill();
    await net.run(61 * HOUR, 10_000_000);
    expect(a.health().sort()).toEqual(['lease-ends', 'server-not-reached']);
    expect(status(a).leaseSeconds).toBeGreaterThan(0);
    await net.run(12 * HOUR, 10_000_000);
    expect(status(a).leaseSeconds).toBeLessThan(0);
    a.die();
    a.clockOff = -2 * DAY;
    a.start();
    const [version] = a.keys?.groups()[0]?.versions ?? [];
    expect(a.keys?.unixNow()).toBeGreaterThanOrEqual(version.notAfter); // a clock that was set back gives nothing back
  });

  it('waits for the server where the kept keys were changed or belong to another machine', async () => {
    server.kill();
    a.die();
    const file = join(a.folder, 'state', 'keys.sealed');
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    a.start();
    expect(a.keys).toBeUndefined();
    server.revive();
    await net.run(5);
    expect(a.current()).toBe(b.current());
  });

  it('R7: V7: keeps neither RN2 nor PRK nor any key in clear', () => {
    const [group] = [...server.ground.view.rows('groups')].filter(({ name }) => name === 'lab');
    const clear = a.keys && encodeCachedKeys(a.keys.toCache());
    if (!clear) throw new Error('nothing is kept');
    for (const { rn2, v } of server.ground.view.rows('versions')) {
      expect(includes(clear, rn2)).toBe(false);
      expect(includes(clear, prkOf(group.id, v, group.rn1, rn2))).toBe(false);
    }
    expect(includes(clear, group.rn1)).toBe(false);
    const files = readdirSync(join(a.folder, 'state')).map((name) => readFileSync(join(a.folder, 'state', name)));
    const secrets = [a.linked?.edSeed, ...(a.keys?.groups()[0].versions.map(({ kPsk }) => kPsk) ?? [])];
    for (const secret of secrets) expect(secret && files.some((bytes) => includes(bytes, secret))).toBe(false);
  });
});

describe('the certificate of a node', () => {
  const endOf = (machine: SimMachine) => {
    const part = decodeCaPart(machine.linked?.enrolment?.caPart ?? new Uint8Array(0));
    return typeof part === 'string' ? 0 : part.notAfter;
  };

  it('is renewed at two thirds of its life, without a word in the health lines', async () => {
    const first = endOf(a);
    await net.run(39.9 * DAY, 100_000_000);
    await net.run(70);
    expect(endOf(a)).toBe(first);
    await net.run(0.2 * DAY, 10_000_000);
    await net.run(70);
    expect(endOf(a)).toBeGreaterThan(first);
    expect(a.keys?.identity().caPart.notAfter).toBe(endOf(a));
    expect(a.health()).toEqual([]);
  });

  it('is renewed also while the disk is full, and kept as soon as there is room', async () => {
    const first = endOf(a);
    let refused = 0;
    const { writeSealed } = StateDir.prototype;
    const full = vi.spyOn(StateDir.prototype, 'writeSealed').mockImplementation(function (this: StateDir, file, bytes) {
      if (file !== 'identity') return writeSealed.call(this, file, bytes);
      refused++;
      throw new GscipError('no-state', 'cannot write: ENOSPC', 'make room');
    });
    await net.run(40.1 * DAY, 100_000_000);
    await net.run(70);
    expect([refused > 0, a.linked?.status().connected]).toEqual([true, true]);
    full.mockRestore();
    await net.run(700, 20_000);
    a.die();
    server.kill();
    a.start();
    expect(endOf(a)).toBeGreaterThan(first);
  });

  it('is renewed also when it has ended while the server was dead, and warned of before', async () => {
    server.kill();
    await net.run(53.5 * DAY, 100_000_000);
    expect(a.health()).toContain('certificate-ends');
    await net.run(8 * DAY, 100_000_000);
    a.die();
    a.start();
    expect(a.keys).toBeUndefined();
    server.revive();
    await net.run(70);
    expect([a.current(), a.health()]).toEqual([b.current(), []]);
  });
});

describe('a clock that is wrong', () => {
  it.each([
    [-3 * DAY, ['clock-differs']],
    [-DAY, ['clock-differs']],
    [DAY, ['clock-differs']],
    // more than a lease lasts
    [5 * DAY, ['clock-differs', 'lease-clock-ahead']],
  ])('by %d seconds is told, and the node talks with the server all the same', async (off, told) => {
    a.die();
    a.clockOff = off;
    a.start();
    await net.run(20);
    expect(a.linked?.status().connected).toBe(true);
    roll();
    await net.run(5);
    expect(a.current()).toBe(b.current());
    expect(a.health()).toEqual(told);
    expect(a.linked?.corrected()).toBeCloseTo(net.time(), -1);
  });
});

function status(machine: SimMachine) {
  if (!machine.linked) throw new Error('it is down');
  return serverStatus(machine.linked.facts(), machine.linked.corrected());
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(part));
}

/** PRK of a version of a group called "lab" (protocol.md 9.1). */
function prkOf(id: string, v: number, rn1: Uint8Array, rn2: Uint8Array): Uint8Array {
  const bound = new Uint8Array(2 + 3 + 8);
  bound.set([0, 3, ...utf8('lab')]);
  new DataView(bound.buffer).setUint32(9, v);
  const salt = provider.sha256(concat(utf8('gscip1 gk'), fromHex(id), bound));
  return provider.hkdfExtract(salt, concat(rn1, rn2));
}
