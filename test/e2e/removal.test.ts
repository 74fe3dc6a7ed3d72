import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startReceiver, startSending } from '../../bench/tools/seq-udp.ts';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { drop } from '../../src/cli/lab/traffic-rules.ts';
import { until } from '../../src/cli/lab/until.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { decodeDde } from '../../src/dprp/dde.ts';
import { openDde } from '../../src/dprp/dde-seal.ts';
import { slotTag } from '../../src/dprp/dde-tags.ts';
import type { CachedKeys } from '../../src/node/cached-keys.ts';
import { decodeLinkCache } from '../../src/node/server-link/link-memory.ts';
import { openSealer, systemdCredentials } from '../../src/node/server-link/sealer.ts';
import { StateDir } from '../../src/node/state-dir.ts';
import { type CapturedPacket, capture } from '../netns/capture.ts';
import { newestVersion, reachEachOther, type ServedNodes, withServer } from './served-nodes.ts';
import { GSCIP, inside, isCutOff, PORT, pings } from './two-nodes.ts';

const TOOL = fileURLToPath(new URL('./keystrokes-tool.ts', import.meta.url));
const TYPED = '7300';

/** Starts a session of keystrokes; gives the ends, the listening one first. */
async function session(from: OverlayNode, to: OverlayNode): Promise<readonly [LabProcess, LabProcess]> {
  const address = await inside(to, 4);
  const listener = to.namespace.start([pinnedNode(), TOOL, 'listen', address, TYPED]);
  await until('the listener', () => listener.stdout().includes('ready'));
  const typist = from.namespace.start([pinnedNode(), TOOL, 'connect', address, TYPED]);
  const ends = [listener, typist] as const;
  await until('keystrokes both ways', () => ends.every((each) => heard(each).length > 20));
  return ends;
}

/** When something came, in milliseconds of the wall clock. */
function heard(end: LabProcess): number[] {
  return end
    .stdout()
    .split('\n')
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
}

async function three(nodes: ServedNodes): Promise<readonly [OverlayNode, OverlayNode, OverlayNode]> {
  const [a, b, c] = await Promise.all([nodes.join('a'), nodes.join('b'), nodes.join('c')]);
  await reachEachOther([a, b, c]);
  return [a, b, c];
}

/** Keys as whoever has the disk of a machine reads them. */
function keysOnDisk(folder: string): CachedKeys {
  const state = new StateDir(folder);
  const random = (length: number) => new Uint8Array(length);
  const sealer = openSealer(state, { provider: nodeProvider, random, machine: systemdCredentials });
  const sealed = state.sealed('cache');
  const bytes = sealed && sealer.open('cache', sealed);
  const cache = bytes && decodeLinkCache(bytes);
  if (!cache) throw new Error(`no keys in ${folder}`);
  return cache.keys;
}

/** What somebody with these keys makes of a capture: of the requests in it, how many they open, and whose group they recognise. */
function readWith({ domain, groups }: CachedKeys, packets: readonly CapturedPacket[]) {
  const requests = packets.map(udpPayload).filter((payload) => payload?.[0] === DATAGRAM.dde);
  let [opened, recognised] = [0, 0];
  for (const bytes of requests) {
    const dde = bytes && decodeDde(bytes);
    if (!bytes || !dde || typeof dde === 'string') throw new Error('this is no request of ours');
    if (domain.some(({ kDde }) => typeof openDde(nodeProvider, kDde, bytes, dde) !== 'string')) opened += 1;
    const slots = Buffer.from(dde.slots);
    const tags = groups.flatMap(({ versions }) =>
      versions.map(({ keys }) => slotTag(nodeProvider, keys.kTag, dde.ephemeral)),
    );
    if (tags.some((tag) => slots.includes(Buffer.from(tag)))) recognised += 1;
  }
  return { requests: requests.length, opened, recognised };
}

/** Of an IPv4 packet behind an Ethernet header; undefined where it is none of the nodes'. */
function udpPayload({ bytes }: CapturedPacket): Uint8Array | undefined {
  const [ethernet, ip, udp] = [14, 20, 8];
  const at = ethernet + ip + udp;
  if (bytes.length <= at || bytes[12] !== 8 || bytes[ethernet] !== 0x45 || bytes[ethernet + 9] !== 17) return undefined;
  const port = (bytes[ethernet + ip + 2] << 8) | bytes[ethernet + ip + 3];
  return port === PORT ? Uint8Array.from(bytes.subarray(at)) : undefined;
}

describe('a node that the server removes', () => {
  it('has its open session cut at the other end at once, and the others lose nothing', () =>
    withServer(['a', 'b', 'c'], async (nodes) => {
      const [a, b, c] = await three(nodes);
      const [atA, atC] = await session(c, a);
      const address = await inside(b, 4);
      const receiver = await startReceiver(b.namespace, address);
      const sending = startSending(a.namespace, address, 500, 200);
      await pause(500);

      const command = Date.now();
      expect(await nodes.admin('node', 'remove', 'c')).toMatchObject({ code: 0 });
      const returned = Date.now();
      await until('silence', () => Date.now() - Math.max(...heard(atA), ...heard(atC)) > 1_000, { seconds: 20 });
      const [lastA, lastC] = [Math.max(...heard(atA)), Math.max(...heard(atC))];
      console.log(
        `removal: last keystroke at the other end ${lastA - command} ms after the command was typed ` +
          `(${lastA - returned} ms after it returned), at the removed node ${lastC - command} ms`,
      );
      expect(await isCutOff(c, a)).toBe(true);

      const { sent } = await sending.stop();
      await pause(300); // what is on its way
      expect(await receiver.stop()).toMatchObject({ received: sent, distinct: sent, duplicates: 0, firstMissing: [] });
      const { peers, groups } = await a.status();
      expect([peers.map(({ name }) => name), groups[0]?.members]).toEqual([['b'], 2]);
      // the others may know it before the removed node itself does
      await until('c to know', async () => (await c.status()).health.some(({ code }) => code === 'removed'));
      expect((await c.status()).groups).toEqual([]);
    }));

  it('V3: reads nothing of what the others say afterwards, with all keys that it kept', () =>
    withServer(['a', 'b', 'c'], async (nodes) => {
      const [a, b, c] = await three(nodes);
      const [keptFolder, before] = [join(nodes.machines.lab.folder, 'kept'), await newestVersion(a)];
      runNow('cp', ['-a', c.state, keptFolder]);
      const keys = keysOnDisk(keptFolder);

      const first = await capture(nodes.machines.lab, a.namespace, 'eth0');
      await anew(a, b);
      const known = readWith(keys, await first.stop());
      expect(known.requests).toBeGreaterThan(0);
      expect(known).toMatchObject({ opened: known.requests, recognised: known.requests });

      expect(await nodes.admin('node', 'remove', 'c')).toMatchObject({ code: 0 });
      for (const node of [a, b])
        await until('the new key', async () => {
          const { peers } = await node.status();
          return peers.length === 1 && (await newestVersion(node)) > before;
        });
      const second = await capture(nodes.machines.lab, a.namespace, 'eth0');
      await anew(a, b);
      const later = readWith(keys, await second.stop());
      expect(later.requests).toBeGreaterThan(0);
      // whose request it is it can still tell: the tag of the version before stands in it once more (protocol.md 2.2)
      expect(later.opened).toBe(0);

      // with the copy of its folder it comes up, and nobody talks with it
      await c.process?.stop();
      drop(c.namespace, { hook: 'output', match: `tcp dport ${PORT}` });
      const copy = new OverlayNode('c', c.namespace, '', keptFolder);
      c.namespace.start([...GSCIP, 'up', '--state', keptFolder, '--socket', copy.socket], { seconds: 60 });
      expect((await copy.ready()).groups).toMatchObject([{ members: 3 }]);
      for (const peer of [a, b]) expect(await isCutOff(copy, peer)).toBe(true);
      expect(await pings(a, b)).toBe(true);
    }));
});

/** Both forget their sessions and begin again. */
async function anew(a: OverlayNode, b: OverlayNode): Promise<void> {
  for (const node of [a, b]) await node.flush(true);
  for (const [from, to] of [[a, b] as const, [b, a] as const])
    await until(`${from.name} reaching ${to.name}`, () => pings(from, to, 4, 1));
}
