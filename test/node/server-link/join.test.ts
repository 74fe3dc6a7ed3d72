import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GscipError } from '../../../src/base/errors.ts';
import { approveNode, removeNode } from '../../../src/server/network/commands/nodes.ts';
import { revokeToken } from '../../../src/server/network/commands/tokens.ts';
import { type World, world } from '../../server/network/ground.ts';
import type { SimMachine } from './machine.ts';
import { Network, type SimServer } from './network.ts';

let net: Network;
let server: SimServer;
beforeEach(() => {
  net = new Network();
  server = net.server();
});
afterEach(() => net.end());

async function joined(name: string, token = server.token()): Promise<SimMachine> {
  const machine = net.machine();
  machine.start({ join: token, name });
  await net.run(3);
  return machine;
}

const codeOf = (failure: unknown) => (failure instanceof GscipError ? failure.code : String(failure));

describe('a machine with a join token', () => {
  it('is a member with keys within three seconds, and so is the next one, with the same key', async () => {
    const a = await joined('a');
    expect(a.failure).toBeUndefined();
    expect(a.versions()[0]).toBe('current');
    const b = await joined('b');
    await net.run(3);
    expect([a.members(), b.members()]).toEqual([['b'], ['a']]);
    expect(a.current()).toBe(b.current());
    expect(a.linked?.status()).toMatchObject({ connected: true, standing: 'active', trouble: undefined });
    expect([a.health(), b.health()]).toEqual([[], []]);
  });

  it('takes what comes while it still opens its devices, be it keys or its removal', async () => {
    const open = Promise.withResolvers<void>();
    const [a, c] = [net.machine(), net.machine()];
    for (const [machine, name] of [[a, 'a'] as const, [c, 'c'] as const]) {
      machine.devices = open.promise;
      machine.start({ join: server.token(), name });
    }
    await net.run(3);
    const b = await joined('b');
    server.ground.run((tools, draft) => void removeNode(tools, draft, 'c'));
    await net.run(3);
    expect([a.keys, c.keys]).toEqual([undefined, undefined]);
    open.resolve();
    await net.run(3);
    expect([a.members(), a.current(), a.health()]).toEqual([['b'], b.current(), []]);
    expect(a.log.map(({ event }) => event)).not.toContain('update-refused');
    expect([c.keys?.groups(), c.health()]).toEqual([[], ['removed']]);
  });

  it('E2: is enrolled once, however often the connection breaks at whatever frame', async () => {
    for (const direction of ['up', 'down'] as const)
      for (let count = 1; count <= 6; count++) {
        net.breakAt = { direction, count };
        const machine = net.machine();
        machine.start({ join: server.token(), name: `n-${direction}-${count}` });
        await net.run(8);
        expect([machine.failure, machine.versions()[0]]).toEqual([undefined, 'current']);
        machine.die();
      }
    const rows = [...server.ground.view.rows('nodes')];
    expect(rows).toHaveLength(12);
    expect([...server.ground.view.rows('tokens')].every(({ used }) => used.length === 1)).toBe(true);
  });

  it('may be started again with the token that it used, and be killed between any two steps', async () => {
    const token = server.token();
    const machine = net.machine();
    for (let steps = 1; steps <= 8; steps++) {
      machine.start({ join: token, name: 'often' });
      await net.run(steps / 10);
      machine.die();
    }
    machine.start({ join: token, name: 'often' });
    await net.run(5);
    expect([machine.failure, machine.versions()[0]]).toEqual([undefined, 'current']);
    expect([...server.ground.view.rows('nodes')].map(({ name }) => name)).toEqual(['often']);
  });

  it('waits while the server is not there, with a health line, and joins when it is', async () => {
    const token = server.token();
    server.kill();
    const machine = net.machine();
    machine.start({ join: token, name: 'early' });
    await net.run(60);
    expect([machine.keys, machine.health()]).toEqual([undefined, ['server-not-reached']]);
    server.revive();
    await net.run(70);
    expect([machine.versions()[0], machine.health()]).toEqual(['current', []]);
  });

  it('tries several addresses in turn', async () => {
    const started = net.now;
    const machine = await joined('a', server.token({}, ['gone.test:1', 'away.test:1', server.address]));
    expect(machine.versions()[0]).toBe('current');
    expect(net.now - started).toBe(3_000);
    expect(machine.linked?.status().address).toBe(server.address);
  });

  it('waits for an administrator where the token asks for it, and says so', async () => {
    const machine = await joined('slow', server.token({ approval: true }));
    expect([machine.keys, machine.health()]).toEqual([undefined, ['approval-pending']]);
    server.ground.run((tools, draft) => void approveNode(tools, draft, 'slow'));
    await net.run(3);
    expect([machine.versions()[0], machine.health()]).toEqual(['current', []]);
  });

  it.each([
    [
      'used up',
      'join-refused',
      () => {
        const token = server.token();
        return { before: token, token };
      },
    ],
    [
      'expired',
      'join-refused',
      () => {
        const token = server.token({ ttl: 60 });
        return { wait: 120, token };
      },
    ],
    [
      'revoked',
      'join-refused',
      () => {
        const token = server.token();
        const [row] = [...server.ground.view.rows('tokens')];
        server.ground.run((_tools, draft) => void revokeToken(draft, row.id));
        return { token };
      },
    ],
  ] as const)('is refused when the token is %s, and does not ask again', async (_what, code, make) => {
    const given: { token: string; before?: string; wait?: number } = make();
    if (given.before) await joined('first', given.before);
    await net.run(given.wait ?? 0);
    const machine = await joined('second', given.token);
    expect([codeOf(machine.failure), machine.keys]).toEqual([code, undefined]);
    const tried = net.attempts;
    await net.run(60, 1_000);
    expect(net.attempts).toBe(tried);
  });

  it('is refused with an altered token before anything is sent', async () => {
    const token = server.token();
    const altered = token.replace(/^gsj1\.(.)/, (_all, letter: string) => `gsj1.${letter === 'A' ? 'B' : 'A'}`);
    const machine = net.machine();
    expect(() => machine.start({ join: altered, name: 'x' })).toThrow(expect.objectContaining({ code: 'bad-token' }));
  });

  it('E1: goes no further with a server that the token does not name', async () => {
    const other = net.server('evil.test:1', otherGround());
    const machine = await joined('x', server.token({}, [other.address]));
    await net.run(5);
    expect([machine.keys, machine.health()]).toEqual([undefined, ['server-not-trusted']]);
    expect([...other.ground.view.rows('nodes')]).toEqual([]);
  });

  it('is told when it belongs to another network already', async () => {
    const machine = await joined('a');
    machine.die();
    const next = server.token();
    expect(() => machine.start({ join: next })).toThrow(expect.objectContaining({ code: 'joined-already' }));
    machine.start();
    expect(machine.versions()[0]).toBe('current');
  });

  it('that was removed comes back as another node, by a new token only', async () => {
    const machine = await joined('a');
    server.ground.run((tools, draft) => void removeNode(tools, draft, 'a'));
    await net.run(2);
    machine.die();
    expect(() => machine.start()).toThrow(expect.objectContaining({ code: 'removed' }));
    machine.die();
    machine.start({ join: server.token(), name: 'a' });
    await net.run(3);
    expect([machine.versions()[0], machine.health()]).toEqual(['current', []]);
  });
});

/** Another network, with keys of its own. */
function otherGround(): World {
  const made = world();
  const [settings] = [...made.view.rows('settings')];
  const seed = new Uint8Array(32).fill(9);
  made.store.runNow({ kind: 'local', name: 'test' }, 'test', (draft) =>
    draft.put({ table: 'settings', key: 'network', row: { ...settings, asSeed: seed, gmsSeed: seed } }),
  );
  return made;
}
