import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { traces } from './machine-traces.ts';
import { Machines, reachEachOther } from './served-nodes.ts';
import { GROUP, GSCIP, PORT, pings, type TwoNodes, withTwoNodes } from './two-nodes.ts';

const YEAR = 365 * 86_400;

/** The environment of a program whose clock is so many seconds off. */
function clockOff(seconds: number): Readonly<Record<string, string>> {
  const script = `const right = Date.now; Date.now = () => right() + ${seconds * 1_000}`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(script)}` };
}

/** Rules of programs that a machine may well have. */
const DOCKER_AND_UFW = `
table ip nat {
  chain DOCKER { iifname "docker0" return; }
  chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump DOCKER; }
  chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; oifname != "docker0" ip saddr 172.17.0.0/16 masquerade; }
}
table ip filter {
  chain DOCKER-USER { return; }
  chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; iifname "docker0" accept; }
  chain ufw-user-input { udp dport ${PORT} accept; iifname "gscip0" accept; }
  chain ufw-before-input { iifname "lo" accept; ct state related,established accept; ct state invalid drop; }
  chain INPUT { type filter hook input priority filter; policy drop; jump ufw-before-input; jump ufw-user-input; }
}
table ip wg-quick-wg0 {
  chain preraw { type filter hook prerouting priority raw; policy accept; iifname != "wg0" ip daddr 10.66.0.2 fib saddr type != local drop; }
  chain premangle { type filter hook prerouting priority mangle; policy accept; meta l4proto udp meta mark set ct mark; }
  chain postmangle { type filter hook postrouting priority mangle; policy accept; meta l4proto udp meta mark 0xca6c ct mark set meta mark; }
}`;

/** What wg-quick does beside: all traffic goes into its interface, which is not there for the underlay of others. */
function wireguard(where: Namespace): void {
  where.ip('tuntap', 'add', 'wg0', 'mode', 'tun');
  where.ip('addr', 'add', '10.66.0.2/32', 'dev', 'wg0');
  where.ip('link', 'set', 'wg0', 'up');
  where.ip('route', 'add', 'default', 'dev', 'wg0', 'table', '51820');
  where.ip('rule', 'add', 'not', 'fwmark', '0xca6c', 'table', '51820');
  where.ip('rule', 'add', 'table', 'main', 'suppress_prefixlength', '0');
}

describe('a machine on which others have rules', () => {
  it('of Docker, ufw and wg-quick: traffic passes, and all of theirs is as it was, while the node runs and afterwards', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      const stays = ['lo', 'eth0', 'wg0'];
      a.namespace.now('nft', ['-f', '-'], DOCKER_AND_UFW);
      wireguard(a.namespace);
      const before = traces(a.namespace, stays);
      await nodes.up();
      expect(await pings(a, b)).toBe(true);
      expect(await pings(b, a, 6)).toBe(true);
      expect(traces(a.namespace, stays)).toEqual(expect.arrayContaining([...before]));
      a.process?.signal('SIGTERM');
      expect(await a.process?.exited).toBe(0);
      expect(traces(a.namespace, stays)).toEqual(before);
    }));
});

describe('a machine on which kernel switches cannot be written, as in a container', () => {
  /** `prepare` comes before they are locked. */
  const locked = (prepare: string) => {
    const lock = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
    return ['unshare', '-m', 'sh', '-c', `${prepare} && ${lock} && exec "$@"`, 'sh'];
  };

  it('gets its IPv6 address all the same, and no link-local one', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up({ by: locked('true') }, {});
      expect(await pings(b, a)).toBe(true);
      expect(await pings(b, a, 6)).toBe(true);
      expect(a.namespace.ip('-6', 'addr', 'show', 'dev', 'gscip0')).not.toContain('fe80');
      expect((await a.status()).health).toEqual([]);
    }));

  it('says so where IPv6 is switched off, and goes on by IPv4', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up({ by: locked('echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6') }, {});
      expect(await pings(b, a)).toBe(true);
      expect(await pings(b, a, 6)).toBe(false);
      expect((await a.status()).health).toEqual([{ code: 'no-ipv6', text: expect.stringMatching(/IPv4/) }]);
    }));
});

/** Starts the agent of `a` over a copy of its folder in a small file system of its own, after `prepare` there. */
function upOnDisk(nodes: TwoNodes, prepare: string): LabProcess {
  const { lab, a } = nodes;
  const disk = join(lab.folder, 'disk');
  mkdirSync(disk, { recursive: true, mode: 0o700 });
  mkdirSync(a.state, { recursive: true, mode: 0o700 });
  const mount = `mount -t tmpfs -o size=96k,mode=700 none ${disk} && cp -a ${a.state}/. ${disk}/`;
  const inMount = [
    'unshare',
    '-m',
    '--propagation',
    'private',
    'sh',
    '-c',
    `${mount} && cd ${disk} && ${prepare} && exec "$@"`,
    'sh',
  ];
  const words = ['up', '--state', disk, '--socket', a.socket, '--bundle', a.bundle, '--listen', nodes.at(a)];
  return a.namespace.start([...inMount, ...GSCIP, ...words, '--peer', `b=${nodes.at(nodes.b)}`]);
}

it('a disk that is full at a later start: refused, since nothing newer could be kept, and it starts when there is room', () =>
  withTwoNodes(async (nodes) => {
    const { a, b } = nodes;
    const before = traces(a.namespace, ['lo', 'eth0']);
    await nodes.up();
    a.process?.signal('SIGTERM');
    await a.process?.exited;
    const refused = upOnDisk(nodes, '{ dd if=/dev/zero of=fill bs=1k 2>/dev/null || true; }');
    expect(await refused.exited).toBe(1);
    expect(refused.stderr()).toMatch(/cannot write .*ENOSPC.*\n +.*make room/);
    expect(traces(a.namespace, ['lo', 'eth0'])).toEqual(before);
    upOnDisk(nodes, 'true');
    await a.ready();
    expect(await pings(a, b)).toBe(true);
  }));

/** A machine that calls itself so, joins by a token of its own, and says nothing of a name. */
async function joinsAs(
  served: ServedOverlay,
  where: Namespace,
  label: string,
  host: string,
  env = {},
): Promise<OverlayNode> {
  const { token } = await served.token([GROUP]);
  const node = new OverlayNode(label, where, '', join(served.state, '..', label), ['--join', token]);
  const by = ['unshare', '-u', 'sh', '-c', `hostname ${host} && exec "$@"`, 'sh'];
  node.start({ listen: `:${PORT}`, by, env });
  await node.ready();
  return node;
}

describe('machines that join', () => {
  it('with host names that are no DNS labels, two of one name, and a clock that is years off, talk with each other', () =>
    withLab(async (lab) => {
      const machines = new Machines(lab, ['server', 'one', 'two', 'late']);
      const more = ['--advertise', machines.at('server')];
      const served = await ServedOverlay.start(lab, machines.space('server'), `:${PORT}`, [GROUP], more);
      const nodes = [
        await joinsAs(served, machines.space('one'), 'one', 'Web-1.Example.ORG'),
        await joinsAs(served, machines.space('two'), 'two', 'web-1'),
        await joinsAs(served, machines.space('late'), 'late', 'l.a.te', clockOff(-6 * YEAR)),
      ];
      const names = await Promise.all(nodes.map(async (node) => (await node.status()).node.name));
      expect(names).toEqual(['web-1', 'web-1-2', 'l']);
      await reachEachOther(nodes);
      expect((await nodes[2]?.status())?.health).toEqual([
        { code: 'clock-differs', text: expect.stringContaining('clock') },
      ]);
    }));
});

describe('an addon of another architecture', () => {
  it('is not loaded: the node runs on its TypeScript twin, says so and why, and reaches its peer', () =>
    withTwoNodes(async (nodes) => {
      const { lab, a, b } = nodes;
      const copy = join(lab.folder, 'program');
      for (const folder of ['dist', 'scripts', 'package.json'])
        cpSync(`${PROJECT}${folder}`, join(copy, folder), { recursive: true });
      symlinkSync(`${PROJECT}node_modules`, join(copy, 'node_modules'));
      mkdirSync(join(copy, 'build'));
      const addon = readFileSync(`${PROJECT}build/gscip.node`);
      addon.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18); // e_machine: aarch64, or x86-64
      writeFileSync(join(copy, 'build/gscip.node'), addon);
      await nodes.up({ program: [pinnedNode(), join(copy, 'dist/cli/main.js')] }, {});
      expect(await pings(a, b)).toBe(true);
      const { dataPath, health } = await a.status();
      expect(dataPath.primitives).toBe('typescript');
      expect(health).toEqual([{ code: 'slow-path', text: expect.stringMatching(/gscip\.node/) }]);
    }));
});
