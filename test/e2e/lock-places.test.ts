import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type CapturedPacket, capture } from '../netns/capture.ts';
import { ALL, hold, NOTHING, reach, reachFrom, serve } from './probes.ts';
import { withServer } from './served-nodes.ts';
import { gscip, inside, PORT, pings, withTwoNodes } from './two-nodes.ts';

/** What the probes say, as it would be read off a wire. */
const CLEAR = Buffer.from('clear text');
const UNREACHED = { tcp: false, udp: false };

function isClear({ bytes }: CapturedPacket): boolean {
  return Buffer.from(bytes).includes(CLEAR);
}

/** IPv4 packets whose destination is an address of the overlay. */
function isToOverlay({ bytes }: CapturedPacket): boolean {
  return bytes[12] === 0x08 && bytes[13] === 0x00 && bytes[30] === 100 && (bytes[31] ?? 0) >> 6 === 1;
}

async function kill({ process }: OverlayNode): Promise<void> {
  process?.signal('SIGKILL');
  await process?.exited;
}

function openByHand(node: OverlayNode): Promise<object> {
  return gscip(node.namespace, 'lock', 'open', '--state', node.state);
}

/** Every DPRP message to this machine is lost (protocol.md 1.2: kinds 01 to 08). */
function loseDprp(where: Namespace): void {
  const rule = `udp dport ${PORT} @th,64,8 1-8 drop`;
  where.now('nft', ['-f', '-'], `table inet foe {\nchain c {\ntype filter hook input priority 0\n${rule}\n}\n}\n`);
}

describe('an open node', () => {
  it(
    'C1: sends a member nothing in clear while DPRP is lost, nor when the agent was killed',
    () =>
      withTwoNodes(async (nodes) => {
        const { a, b, lab } = nodes;
        a.namespace.route('default', '10.99.0.2');
        loseDprp(b.namespace);
        await nodes.up();
        await serve(b.namespace);
        const to = await inside(b, 4);
        const seen = await capture(lab, a.namespace, 'eth0');
        expect(await reachFrom(a.namespace, to, 7300, 0)).toEqual(UNREACHED);
        expect(seen.packets().length).toBeGreaterThan(0); // DDEs
        await kill(a);
        await until('the device to go', () => !a.namespace.hasDevice(a.device));
        expect(await reachFrom(a.namespace, to, 7300, 0)).toEqual(UNREACHED);
        const guarded = seen.packets();
        expect(guarded.filter((packet) => isClear(packet) || isToOverlay(packet))).toEqual([]);
        // what it would be without the guard
        await openByHand(a);
        await reachFrom(a.namespace, to, 7300, 0);
        expect((await seen.stop()).filter(isToOverlay).length).toBeGreaterThan(0);
      }),
    180_000,
  );

  it(
    "C1: takes no packet in clear that has a member's address",
    () =>
      withTwoNodes(async (nodes) => {
        const { a, b } = nodes;
        await nodes.up();
        const [own, stolen] = [await inside(a, 4), await inside(b, 4)];
        const heard = await serve(a.namespace);
        await kill(b);
        await openByHand(b);
        b.namespace.ip('addr', 'add', `${stolen}/32`, 'dev', 'eth0');
        b.namespace.ip('route', 'add', own, 'via', '10.99.0.1', 'src', stolen);
        await reachFrom(b.namespace, own, 7300, 0);
        expect(heard.stdout()).not.toContain(stolen);
        // what it would be without the guard, until the agent has put it back
        await until('a packet past the guard', async () => {
          await openByHand(a);
          await reachFrom(b.namespace, own, 7300, 0);
          return heard.stdout().includes(stolen);
        });
      }),
    180_000,
  );

  it(
    'leaves nothing behind when it is ended in order',
    () =>
      withTwoNodes(async (nodes) => {
        const { a } = nodes;
        await nodes.up();
        const tables = () => a.namespace.now('nft', ['list', 'tables']);
        expect(tables()).toContain('gscip_lock_gscip0');
        expect(await nodes.cli(a, 'down')).toMatchObject({ code: 0 });
        expect(tables()).toBe('');
      }),
    180_000,
  );
});

describe('a closed node', () => {
  it(
    'E3: is cut off from the members of a group that it is taken out of, with its flows',
    () =>
      withServer(['laptop', 'desk'], async (nodes) => {
        const [laptop, desk] = [await nodes.join('laptop', { mode: 'cl' }), await nodes.join('desk')];
        await serve(desk.namespace);
        const to = await inside(desk, 4);
        await until('the members', () => pings(laptop, desk, 4, 1), { seconds: 20 });
        const flow = hold(laptop.namespace, to);
        await until('the flow', () => flow.stdout().includes('clear text'));
        expect(await nodes.admin('node', 'set', 'laptop', '--groups', '', '--yes')).toMatchObject({ code: 0 });
        await until('the end of the keys', async () => (await laptop.status()).groups.length === 0, { seconds: 20 });
        await pause(300); // an answer that came before
        const heard = flow.stdout().length;
        expect(await reach(laptop.namespace, to)).toEqual(NOTHING);
        expect(await reach(laptop.namespace, nodes.machines.ip('desk'))).toEqual(NOTHING);
        expect(flow.stdout().length).toBe(heard);
        expect((await laptop.status()).lock.state).toBe('closed');
      }),
    180_000,
  );
});

describe('a closed GEN', () => {
  it(
    'E3: lets its terminals speak with members only, also when its agent is killed',
    () =>
      withServer(['gate', 'desk', 'stranger'], async (nodes) => {
        const { machines } = nodes;
        const [router, stranger] = [machines.space('gate'), machines.space('stranger')];
        const terminal = machines.lab.namespace('terminal');
        machines.lab.link(
          { namespace: router, device: 'lan', addresses: ['10.1.0.1/24'] },
          { namespace: terminal, device: 'eth0', addresses: ['10.1.0.10/24'] },
        );
        terminal.route('default', '10.1.0.1');
        router.sysctl('net.ipv4.ip_forward', '1'); // it was a router before
        stranger.route('10.1.0.0/24', machines.ip('gate'));
        for (const each of [terminal, stranger, machines.space('desk')]) await serve(each);
        const gate = await nodes.join('gate', { type: 'gen', routes: ['10.1.0.0/24'] });
        const desk = await nodes.join('desk');
        const both = async () => [await reach(terminal, machines.ip('stranger')), await reach(stranger, '10.1.0.10')];
        await until(
          'the terminal reaching the member',
          async () => (await reach(terminal, await inside(desk, 4))).tcp,
          {
            seconds: 20,
          },
        );
        expect(await both()).toEqual([ALL, ALL]);
        await nodes.admin('node', 'set', 'gate', '--mode', 'cl');
        await until('the lock', async () => (await gate.status()).lock.state === 'closed');
        expect(await both()).toEqual([NOTHING, NOTHING]);
        expect(await reach(terminal, await inside(desk, 4))).toEqual(ALL);
        expect(await reach(desk.namespace, '10.1.0.10')).toEqual(ALL);
        await kill(gate);
        expect(await both()).toEqual([NOTHING, NOTHING]);
        expect(await reach(terminal, await inside(desk, 4))).toEqual(NOTHING);
      }),
    180_000,
  );
});
