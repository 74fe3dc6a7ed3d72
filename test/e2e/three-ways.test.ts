import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PitListAnswer } from '../../src/api/pit.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import { LabServer } from '../../src/cli/lab/lab-server.ts';
import { ensureBuilt, Overlay, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { decodeKeyFile } from '../../src/crypto/key-file.ts';
import { capture } from '../netns/capture.ts';
import { counted, GROUP, gscip, isCutOff, PORT, pings } from './two-nodes.ts';

/*
 * The key of a group comes to a machine by a file, from a server, or by hand. The same result is:
 *   - both machines hold one key: the same group and the same version, in force;
 *   - who holds a key of the same name from elsewhere has no part in it;
 *   - by file and from a server: the machines talk, encrypted under that version, and nothing of it is seen on the wire.
 * A key entered by hand has no list of members, so no traffic between two machines rests on it (protocol.md 9.1); what the
 * machines hold is compared in its place. That a code gives its parts to the derivation that the groups of bundles have is
 * tested in test/crypto/key-code.test.ts.
 */

/** Bytes that would be found on the wire if they went in the clear. */
const PATTERN = 'c0ffee5eed';

/** Two machines of the group, and one whose group of the same name was made elsewhere. */
interface Stage {
  readonly a: OverlayNode;
  readonly b: OverlayNode;
  readonly stranger: OverlayNode;
}

function machines(lab: Lab) {
  const made = ['a', 'b', 'stranger', 'office', 'elsewhere'].map((label) => lab.namespace(label));
  const ends = made.map((namespace, at) => ({ namespace, device: 'eth0', addresses: [`10.98.0.${at + 1}/24`] }));
  lab.bridge('lan', ends);
  return made;
}

async function byFile(lab: Lab): Promise<Stage> {
  const [first, second, third] = machines(lab);
  const own = new Overlay(lab, [GROUP], { network: 'own', nice: 0 });
  const other = new Overlay(lab, [GROUP], { network: 'other', nice: 0 });
  const [a, b] = [own.add('a', first, { groups: [GROUP] }), own.add('b', second, { groups: [GROUP] })];
  own.rewriteBundles();
  const stranger = other.add('stranger', third, { groups: [GROUP], address: '100.64.7.7' });
  a.start({ listen: `10.98.0.1:${PORT}`, peers: [{ name: 'b', at: `10.98.0.2:${PORT}` }] });
  b.start({ listen: `10.98.0.2:${PORT}`, peers: [{ name: 'a', at: `10.98.0.1:${PORT}` }] });
  stranger.start({ listen: `10.98.0.3:${PORT}` });
  return { a, b, stranger };
}

async function fromServer(lab: Lab): Promise<Stage> {
  const [first, second, third, office, elsewhere] = machines(lab);
  const own = await ServedOverlay.start(lab, office, `10.98.0.4:${PORT}`, [GROUP], ['--network', 'own']);
  const a = await own.add('a', first, [GROUP]);
  const b = await own.add('b', second, [GROUP]);
  const more = ['--network', 'other', '--pool', '100.96.0.0/12'];
  const other = await LabServer.start(lab, 'server-elsewhere', elsewhere, `10.98.0.5:${PORT}`, more);
  await other.admin.post('/users', { name: 'lab' });
  await other.admin.post('/groups', { name: GROUP });
  const { token } = await other.admin.post<{ token: string }>('/tokens', { user: 'lab', groups: [GROUP] });
  const stranger = own.adopt('stranger', third, token);
  for (const [at, node] of [a, b, stranger].entries()) node.start({ listen: `10.98.0.${at + 1}:${PORT}` });
  return { a, b, stranger };
}

/** What a machine holds of the group. */
async function holds(node: OverlayNode) {
  const { groups } = await node.status();
  return groups.map(({ id, name, version, state, next }) => ({ id, name, version, state, next }));
}

describe('the key of a group', () => {
  it.each<[string, (lab: Lab) => Promise<Stage>]>([
    ['by a file', byFile],
    ['from a server', fromServer],
  ])('%s: two machines hold one key and talk under it, unseen and without a stranger', (_, stage) =>
    withLab(async (lab) => {
      ensureBuilt();
      const { a, b, stranger } = await stage(lab);
      await Promise.all([a, b, stranger].map((node) => node.ready()));
      await until('a and b to know each other, and one key', () => areTogether(a, b), { seconds: 20 });
      const [held] = await holds(a);
      expect(held).toMatchObject({ name: GROUP, state: 'current', next: null });
      expect(await holds(b)).toEqual([held]);
      const [strange] = await holds(stranger);
      expect(strange).toMatchObject({ name: GROUP, state: 'current' });
      expect(strange.id).not.toBe(held.id);

      const seen = await capture(lab, b.namespace, 'eth0');
      await until('a to reach b', () => pings(a, b, 4, 1), { seconds: 30 });
      const words = ['ping', '-c', '5', '-i', '0.2', '-p', PATTERN, await b.address()];
      expect((await a.namespace.run(words)).match(/ (\d+)% packet loss/)?.[1]).toBe('0');
      for (const node of [a, b]) {
        const { entries } = await node.ask<PitListAnswer>({ verb: 'pit-list', limit: 100 });
        const pinged = entries.filter(({ protocol }) => protocol === 'icmp');
        expect(pinged.length).toBeGreaterThan(0);
        for (const entry of pinged)
          expect(entry).toMatchObject({ action: 'encrypt', group: GROUP, version: held.version });
      }
      const frames = (await seen.stop()).map(({ bytes }) => Buffer.from(bytes).toString('hex'));
      expect(frames.length).toBeGreaterThan(10);
      expect(frames.filter((frame) => frame.includes(PATTERN.repeat(2)))).toEqual([]);

      // the same wire, another key: its address leads nowhere from here, nor ours from there
      const before = await counted(b, 'delivered');
      expect(await isCutOff(stranger, b)).toBe(true);
      expect(await isCutOff(a, stranger)).toBe(true);
      expect(await counted(b, 'delivered')).toBe(before);
    }));

  it('by hand: machines with the same code hold one key, one with another code another', () =>
    withLab(async (lab) => {
      ensureBuilt();
      const [first, second, third] = machines(lab);
      const codes = await Promise.all([1, 2].map(async () => (await gscip(first, 'key', 'code')).stdout.trim()));
      const enter = async (where: typeof first, code: string) => {
        const file = join(lab.folder, `${where.label}.code`);
        writeFileSync(file, code, { mode: 0o600 });
        const words = ['key', 'enter', GROUP, '--code-file', file, '--state', join(lab.folder, where.label), '--json'];
        const done = await gscip(where, ...words);
        expect(done).toMatchObject({ code: 0, stderr: '' });
        const answer: { file: string; unicast: boolean } = JSON.parse(done.stdout);
        expect(answer.unicast).toBe(false);
        const group = decodeKeyFile(new Uint8Array(readFileSync(answer.file)));
        if (typeof group === 'string') throw new Error(group);
        return group;
      };
      const [a, b, stranger] = [
        await enter(first, codes[0]),
        await enter(second, codes[0]),
        await enter(third, codes[1]),
      ];
      expect(a).toEqual(b);
      expect(a.name).toBe(GROUP);
      expect(stranger.groupId).not.toBe(a.groupId);
      expect(stranger.keys.kPsk).not.toEqual(a.keys.kPsk);
    }));
});

/** Both know where the other is, and a version that counts both of them is in force at both. */
async function areTogether(...nodes: readonly OverlayNode[]): Promise<boolean> {
  const all = await Promise.all(nodes.map((node) => node.status()));
  const [first] = all.map(({ groups }) => groups[0]?.version);
  return all.every(
    ({ groups: [group], peers }) =>
      group?.version === first && group.next === null && group.members === 2 && peers[0]?.path.endpoint != null,
  );
}
