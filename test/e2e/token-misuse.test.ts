import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { AuditCheck, AuditEntryAnswer, AuditList } from '../../src/api/admin/operations.ts';
import { decodeJoinToken, encodeJoinToken, type JoinToken } from '../../src/api/join-token.ts';
import { LabServer } from '../../src/cli/lab/lab-server.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { reachEachOther, type ServedNodes, withServer } from './served-nodes.ts';
import { GROUP, isCutOff, PORT, pings } from './two-nodes.ts';

const GUESSING = fileURLToPath(new URL('./enrolling-tool.ts', import.meta.url));

function changed(text: string, change: (token: JoinToken) => Partial<JoinToken>): string {
  const token = decodeJoinToken(nodeProvider, text);
  if (typeof token === 'string') throw new Error(token);
  return encodeJoinToken(nodeProvider, { ...token, ...change(token) });
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

/** What `gscip up --join` of a token ends with on the machine "x". */
async function refusal(nodes: ServedNodes, name: string, token: string) {
  const node = nodes.served.adopt(name, nodes.machines.space('x'), token);
  return node.start({ listen: nodes.machines.at('x') }).finished();
}

async function refusedJoins(server: LabServer): Promise<readonly AuditEntryAnswer[]> {
  const { entries } = await server.admin.get<AuditList>('/audit?last=1000');
  return entries.filter(({ action, result }) => action === 'enrol' && result === 'refused');
}

async function healthOf(node: OverlayNode): Promise<readonly string[]> {
  return (await node.status()).health.map(({ code }) => code);
}

describe('a join token', () => {
  it('that is used up, expired, revoked, altered or guessed is refused with the reason, also in the audit log', () =>
    withServer(['a', 'x'], async (nodes) => {
      const { served } = nodes;
      const used = (await served.token([GROUP])).token;
      const a = served.adopt('a', nodes.machines.space('a'), used);
      a.start({ listen: nodes.machines.at('a') });
      await a.ready();
      const expired = (await served.token([GROUP], { ttl: 1 })).token;
      const revoked = await served.token([GROUP]);
      await served.admin.delete(`/tokens/${revoked.id}`);
      const good = (await served.token([GROUP])).token;
      await pause(1_500); // for the one that is to expire

      const rows = [
        ['token-used-up', used],
        ['token-expired', expired],
        ['token-revoked', revoked.token],
        ['token-wrong', changed(good, () => ({ secret: random(32) }))],
        ['token-unknown', changed(good, () => ({ id: randomBytes(8).toString('hex'), secret: random(32) }))],
      ] as const;
      for (const [code, token] of rows)
        expect(await refusal(nodes, code, token)).toMatchObject({ code: 1, stderr: expect.stringContaining(code) });
      const entries = await refusedJoins(served.server);
      expect(entries.map(({ code }) => code)).toEqual(rows.map(([code]) => code));
      for (const { detail } of entries) expect(detail).toMatchObject({ source: nodes.machines.ip('x') });

      const typo = good.replace(/^gsj1\.(.)/, (_, letter) => `gsj1.${letter === 'A' ? 'B' : 'A'}`);
      expect(await refusal(nodes, 'typo', typo)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('a letter of it was changed'),
      });
      expect(await refusedJoins(served.server)).toHaveLength(rows.length);
      expect((await a.status()).groups).toMatchObject([{ members: 1 }]);
      const x = served.adopt('x', nodes.machines.space('x'), good);
      x.start({ listen: nodes.machines.at('x') });
      await x.ready();
    }));

  it('is not guessed at leisure: after some attempts the source has to wait, and others still join', () =>
    withServer(['a'], async (nodes) => {
      const { served, machines } = nodes;
      const { token } = await served.token([GROUP]);
      const file = join(machines.lab.folder, 'guessed.token');
      writeFileSync(
        file,
        changed(token, () => ({ secret: random(32) })),
      );
      const guessing = machines.space('server').start([pinnedNode(), GUESSING, file, `${PORT}`, 'guess']);
      const answers = () => [...guessing.stdout().matchAll(/^told (\S+)$/gm)].map(([, code]) => code);
      await until(
        () => `a refusal without a look; told: ${answers().join()} ${guessing.stderr()}`,
        () => answers().filter((code) => code === 'too-many-attempts').length > 20,
        { seconds: 20 },
      );
      const looked = answers().filter((code) => code === 'token-wrong').length;
      expect(looked).toBeLessThanOrEqual(15);
      expect(served.process.stderr()).toContain('"event":"enrolment-slowed"');
      const a = served.adopt('a', machines.space('a'), token);
      a.start({ listen: machines.at('a') });
      await a.ready();
      await guessing.stop();
      expect((await refusedJoins(served.server)).length).toBeLessThanOrEqual(15);
      expect(await served.admin.get<AuditCheck>('/audit/verify')).toMatchObject({ intact: true });
    }));
});

describe('a server with other keys at the same address', () => {
  it('E1: gets nothing from nodes and newcomers, which say so; nodes go on, and come up from what they kept', () =>
    withServer(['a', 'b', 'x'], async (nodes) => {
      const { served, machines } = nodes;
      const [a, b] = await Promise.all([nodes.join('a'), nodes.join('b')]);
      await reachEachOther([a, b]);
      const { token } = await served.token([GROUP]);
      const keys = (await b.status()).groups;
      await served.server.kill();
      const { lab } = machines;
      const more = ['--advertise', machines.at('server')];
      const impostor = await LabServer.start(lab, 'impostor', machines.space('server'), `:${PORT}`, more);

      for (const node of [a, b])
        await until(`${node.name} to see it`, async () => (await healthOf(node)).includes('server-not-trusted'), {
          seconds: 30,
        });
      const [line] = (await a.status()).health;
      expect(line?.text).toContain('shows another key than the one that this node was enrolled with');
      expect(await isCutOff(a, b)).toBe(false);
      await b.process?.stop();
      await nodes.again(b);
      expect((await b.status()).groups).toEqual(keys);
      for (const [from, to] of [[b, a] as const, [a, b] as const])
        await until(`${from.name} reaching ${to.name}`, () => pings(from, to, 4, 1));

      const x = served.adopt('x', machines.space('x'), token);
      const joining = x.start({ listen: machines.at('x') });
      await until('x to see it', async () => (await healthOf(x)).includes('server-not-trusted'));
      const says = 'the server there is not the one that the join token names';
      await until('x to say so', () => joining.stderr().includes(says));
      const { entries } = await impostor.admin.get<AuditList>('/audit?last=1000');
      expect(entries.filter(({ action }) => action === 'enrol')).toEqual([]);
      expect((await impostor.admin.get<{ nodes: readonly unknown[] }>('/nodes')).nodes).toEqual([]);

      await impostor.kill();
      await served.server.restart();
      for (const node of [a, b, x])
        await until(`${node.name} to be back`, async () => (await node.status()).server.connected, { seconds: 40 });
      expect(await healthOf(a)).toEqual([]);
    }));
});
