import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Lab, withLab } from '../../src/cli/lab/lab.ts';
import { labTraces, startTime, sweepLeftovers } from '../../src/cli/lab/leftovers.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { drop, limitRate } from '../../src/cli/lab/traffic-rules.ts';
import { until } from '../../src/cli/lab/until.ts';
import { capture } from './capture.ts';
import { behindNat, pair, startImpair } from './kit.ts';

const own = () => labTraces().filter((trace) => trace.owner === process.pid);

/** Prints each datagram with its sender and sends it back. */
const ECHO = `const s = require('dgram').createSocket('udp4');
  s.on('message', (m, r) => { console.log(r.address + ':' + r.port + ' ' + m); s.send(m, r.port, r.address); });
  s.bind(7000, () => console.log('ready'));`;

/** Sends as many numbered datagrams as asked, 1 ms apart, waits half a second for the last answers, prints those in order of arrival. */
const ASK = `const [to, n] = process.argv.slice(1); const s = require('dgram').createSocket('udp4'); let i = 0; const got = [];
  s.on('message', (m) => got.push(Number(m)));
  const t = setInterval(() => { if (i < n) s.send(String(i++), 7000, to); else { clearInterval(t); setTimeout(() => { console.log(JSON.stringify(got)); s.close(); }, 500); } }, 1);`;

async function startEcho(where: Namespace) {
  const echo = where.start([pinnedNode(), '-e', ECHO]);
  await until('the echo', () => echo.stdout().includes('ready'));
  return echo;
}

async function ask(from: Namespace, to: string, count: number): Promise<number[]> {
  return JSON.parse(await from.run([pinnedNode(), '-e', ASK, to, String(count)]));
}

describe('a lab', () => {
  it('joins two namespaces that reach each other by IPv4 and IPv6', () =>
    withLab(async (lab) => {
      const { a } = pair(lab);
      expect(await a.run(['ping', '-c1', '-W2', '10.99.0.2'])).toContain('1 received');
      expect(await a.run(['ping', '-c1', '-W2', 'fd99::2'])).toContain('1 received');
    }));

  it('joins three namespaces by a switch', () =>
    withLab(async (lab) => {
      const ends = ['a', 'b', 'c'].map((label, at) => ({
        namespace: lab.namespace(label),
        device: 'eth0',
        addresses: [`10.98.0.${at + 1}/24`],
      }));
      lab.bridge('lan', ends);
      for (const { namespace } of ends)
        expect(await namespace.run(['ping', '-c1', '-W2', '10.98.0.3'])).toContain('1 received');
    }));

  it('cuts super-packets into frames when asked to', () =>
    withLab(async (lab) => {
      const { a } = pair(lab, 'frames');
      expect(a.now('ethtool', ['-k', 'eth0'])).toMatch(/tx-udp-segmentation: off/);
    }));

  it('leaves no process, namespace or folder after an error', async () => {
    let pid = 0;
    let folder = '';
    const broken = withLab(async (lab) => {
      const { a } = pair(lab);
      folder = lab.folder;
      pid = a.start(['sleep', '60']).pid;
      expect(own()).toHaveLength(2);
      throw new Error('as it happens');
    });
    await expect(broken).rejects.toThrow('as it happens');
    expect(own()).toEqual([]);
    expect(startTime(pid)).toBeUndefined();
    expect(existsSync(folder)).toBe(false);
  });

  it('runs twice at once with the same labels and addresses', async () => {
    const results = await Promise.all(
      [0, 1].map(() =>
        withLab(async (lab) => {
          const { a, b } = pair(lab);
          const echo = await startEcho(b);
          expect(await ask(a, '10.99.0.2', 5)).toEqual([0, 1, 2, 3, 4]);
          return echo.stdout().split('\n').length;
        }),
      ),
    );
    expect(results).toEqual([7, 7]); // `ready`, five datagrams, the end: nothing from the other lab
  });

  it('ends a process that takes longer than its bound', () =>
    withLab(async (lab) => {
      const done = await lab.start(null, ['sleep', '60'], { seconds: 0.2 }).finished();
      expect(done.code).toBeNull();
    }));

  it('reports what a failed command said', () =>
    withLab(async (lab) => {
      await expect(lab.namespace('a').run(['sh', '-c', 'echo no such thing >&2; exit 3'])).rejects.toThrow(
        /ended with 3: no such thing/,
      );
    }));

  it('ends with a process that is killed outright, and what it left is swept', () =>
    withLab(async (outer) => {
      const script = `import('${PROJECT}src/cli/lab/lab.ts').then(({ Lab }) => {
        const lab = new Lab(); const a = lab.namespace('a');
        console.log(a.name + ' ' + a.start(['sleep', '60']).pid); })`;
      const owner = outer.start(null, [pinnedNode(), '-e', script]);
      const [namespace = '', pid] = (
        await until('its namespace', () => /^gscip\S+ \d+/.exec(owner.stdout())?.[0])
      ).split(' ');
      await until('the sleep', () =>
        labTraces().some((trace) => trace.namespace === namespace && trace.pids.includes(Number(pid))),
      );
      expect(sweepLeftovers().map((trace) => trace.namespace)).toContain(namespace); // still at work: left alone
      owner.signal('SIGKILL');
      await until('the end of the sleep', () => startTime(Number(pid)) === undefined);
      await until('the sweep', () => !sweepLeftovers().some((trace) => trace.namespace === namespace));
      expect(labTraces().map((trace) => trace.namespace)).not.toContain(namespace);
      expect(existsSync(join(tmpdir(), namespace.replace(/\.a$/, '')))).toBe(false);
    }));

  it('is cleaned up on SIGTERM, and the program still ends by that signal', () =>
    withLab(async (outer) => {
      const script = `import('${PROJECT}src/cli/lab/lab.ts').then(({ Lab }) => { console.log(new Lab().namespace('a').name); setTimeout(() => {}, 60000); })`;
      const owner = outer.start(null, [pinnedNode(), '-e', script]);
      const namespace = await until('its namespace', () => /^gscip\S+/.exec(owner.stdout())?.[0]);
      owner.signal('SIGTERM');
      expect((await owner.finished()).code).toBeNull();
      expect(labTraces().map((trace) => trace.namespace)).not.toContain(namespace);
    }));
});

describe('traffic rules', () => {
  it.each(['kept', 'random'] as const)('a NAT with %s ports hides the address behind it', (ports) =>
    withLab(async (lab) => {
      const { a, b } = behindNat(lab, ports);
      const echo = await startEcho(b);
      expect(await ask(a, '10.99.0.2', 3)).toHaveLength(3);
      expect(echo.stdout()).toContain('10.99.0.254:');
      expect(echo.stdout()).not.toContain('192.168.1.2');
    }));

  it('a loss rule loses about its share, counts it, and can be taken back', () =>
    withLab(async (lab) => {
      const { a, b } = pair(lab);
      await startEcho(b);
      const rule = drop(b, { hook: 'input', match: 'udp dport 7000', perMille: 300 });
      const answers = await ask(a, '10.99.0.2', 200);
      expect(rule.dropped()).toBe(200 - answers.length);
      expect(rule.dropped()).toBeGreaterThan(20); // 60 expected; these are seven standard deviations either way
      expect(rule.dropped()).toBeLessThan(100);
      rule.remove();
      expect(await ask(a, '10.99.0.2', 20)).toHaveLength(20);
    }));

  it('a rate limit is in place until it is taken back', () =>
    withLab(async (lab) => {
      const { a } = pair(lab);
      const rule = limitRate(a, 'eth0', 10);
      expect(a.now('tc', ['qdisc', 'show', 'dev', 'eth0'])).toMatch(/tbf .*rate 10Mbit/);
      rule.remove();
      expect(a.now('tc', ['qdisc', 'show', 'dev', 'eth0'])).not.toContain('tbf');
    }));
});

describe('the impairing relay', () => {
  it('delays, reorders, duplicates and loses by its seed', () =>
    withLab(async (lab) => {
      const { a, b } = pair(lab);
      await startEcho(b);
      const what = { delayMs: 5, jitterMs: 20, loss: 0.1, duplicate: 0.1, seed: 7 };
      const relay = await startImpair(a, '127.0.0.1:7000', '10.99.0.2:7000', what);
      const got = await ask(a, '127.0.0.1', 100);
      const distinct = new Set(got).size;
      expect(distinct).toBeLessThan(100); // lost
      expect(distinct).toBeGreaterThan(50);
      expect(got.length).toBeGreaterThan(distinct); // duplicated
      expect(got).not.toEqual(got.toSorted((x, y) => x - y)); // reordered
      await relay.stop();
      expect(relay.stdout()).toMatch(/"lost":\d+/);
    }));

  it('hands everything over in order when it is told to do nothing', () =>
    withLab(async (lab) => {
      const { a, b } = pair(lab);
      await startEcho(b);
      await startImpair(a, '127.0.0.1:7000', '10.99.0.2:7000', {});
      expect(await ask(a, '127.0.0.1', 20)).toEqual(Array.from({ length: 20 }, (_, at) => at));
    }));
});

describe('a capture', () => {
  it('holds every packet whole', () =>
    withLab(async (lab) => {
      const { a, b } = pair(lab);
      const seen = await capture(lab, b, 'eth0');
      const pings = () => seen.packets().filter(({ bytes }) => bytes[12] === 8 && bytes[13] === 0 && bytes[23] === 1); // IPv4, ICMP
      await a.run(['ping', '-c2', '-i0.1', '-s', '1000', '10.99.0.2']);
      await until('four packets', () => pings().length === 4);
      await seen.stop();
      expect(pings().map((packet) => packet.bytes.length)).toEqual([1042, 1042, 1042, 1042]);
    }));
});

it('a closed lab starts nothing more', async () => {
  const lab = new Lab();
  await lab.close();
  expect(() => lab.start(null, ['true'])).toThrow(/closed/);
  expect(existsSync(join(lab.folder))).toBe(false);
});
