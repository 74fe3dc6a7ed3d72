import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SUITE } from '../../src/base/primitives.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import type { TunnelEnd } from '../native/tunnel-end.ts';
import { pair } from './kit.ts';

const MEGABYTES = 24;
const END = join(PROJECT, 'test/native/tunnel-end.ts');
const ADDON = join(PROJECT, 'build/gscip.node');
const DATAGRAM_COUNT = 400;

/** Sends what it is asked for and then its hash. */
const SERVE = `const { createHash } = require('crypto'); const mega = Buffer.alloc(1 << 20);
  require('net').createServer((s) => { const h = createHash('sha256'); let n = 0;
    const go = () => { while (n < ${MEGABYTES}) { mega.writeUInt32BE(n * 2654435761 % 4294967296, (n * 4093) % mega.length & ~3); n++; const b = Buffer.from(mega);
      h.update(b); if (!s.write(b)) return s.once('drain', go); } if (n++ === ${MEGABYTES}) s.end(h.digest()); };
    s.on('error', () => {}); go(); }).listen(9000, '::', () => console.log('ready'));`;

/** Fetches that and says whether the hash holds. */
const FETCH = `const { createHash } = require('crypto'); const parts = [];
  require('net').connect(9000, process.argv[1]).on('data', (d) => parts.push(d)).on('end', () => { const all = Buffer.concat(parts);
    const body = all.subarray(0, -32); console.log(body.length, createHash('sha256').update(body).digest().equals(all.subarray(-32))); });`;

/** Echoes datagrams. */
const ECHO = `const s = require('dgram').createSocket({ type: 'udp6' });
  s.on('message', (m, r) => s.send(m, r.port, r.address)); s.bind(9001, () => console.log('ready'));`;

/** Sends datagrams of many sizes a few at a time and counts those that come back unchanged. */
const ASK = `const [to] = process.argv.slice(1), { createHash } = require('crypto'); const s = require('dgram').createSocket(to.includes(':') ? 'udp6' : 'udp4');
  const body = (i) => Buffer.concat([Buffer.from([i >> 8, i]), createHash('shake256', { outputLength: (i * 37) % 1300 }).update(String(i)).digest()]);
  let good = 0, sent = 0; const next = () => { if (sent < ${DATAGRAM_COUNT}) s.send(body(sent++), 9001, to); };
  s.on('message', (m) => { if (m.equals(body(m.readUInt16BE(0)))) good++; if (good === ${DATAGRAM_COUNT}) { console.log(good); s.close(); } else next(); });
  for (let i = 0; i < 8; i++) next(); setTimeout(() => { console.log(good); s.close(); }, 10000).unref();`;

/** Hands the kernel 60 datagrams of 1,032 bytes in one UDP_SEGMENT send, which reaches TUN as one super-packet. */
const SEGMENTED = `const addon = require(process.argv[1]), to = JSON.parse(process.argv[2]); const u8 = (n) => new Uint8Array(n);
  const socket = addon.udpOpen({ port: 0, gro: false, gso: true, reusePort: false });
  const index = addon.saReserve(0), path = addon.pathReserve(), rows = new Int32Array(60 * 8);
  addon.saInstallTx(index, 1, u8(32), u8(12), index); addon.pathSet(path, Uint8Array.from(to), 9002, null); addon.saPath(index, path);
  for (let i = 0; i < 60; i++) rows.set([i * 1000, 1000, 0, 0, 0, 0, index, 1], i * 8);
  addon.sealAndSend(socket.fd, u8(60000), rows, 60);`;

/** Counts such datagrams. */
const COUNT = `let n = 0; const s = require('dgram').createSocket({ type: 'udp6' });
  s.on('message', (m) => { if (m.length === 1032 && m[0] === 0x10) n++; if (n % 60 === 0) console.log('got', n); }); s.bind(9002, () => console.log('ready'));`;

interface Setting extends Pick<TunnelEnd, 'suite' | 'offload' | 'segment' | 'prefix'> {
  readonly underlay: 4 | 6;
  readonly wire: 'whole' | 'frames';
}

interface Tunnel {
  readonly a: Namespace;
  readonly b: Namespace;
  readonly ends: readonly LabProcess[];
}

const UNDERLAY = {
  4: [
    [10, 99, 0, 1],
    [10, 99, 0, 2],
  ],
  6: [1, 2].map((last) => [0xfd, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]),
} as const;

/** The far end inside the tunnel. */
const INNER = [
  [10, 88, 0, 2],
  [0xfd, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
] as const;

async function startEnd(where: Namespace, end: TunnelEnd): Promise<LabProcess> {
  const started = where.start([pinnedNode(), END, JSON.stringify(end)], { seconds: 60 });
  await until(
    () => `an end of the tunnel: ${started.stderr()}`,
    () => started.stdout().includes('ready'),
  );
  const last = end.side === 'a' ? 1 : 2;
  where.addresses('tun0', [`10.88.0.${last}/24`, `fd88::${last}/64`]);
  where.ip('link', 'set', 'tun0', 'mtu', '1400', 'up');
  return started;
}

async function startTunnel(lab: Lab, setting: Setting): Promise<Tunnel> {
  const { a, b } = pair(lab, setting.wire);
  const { suite, offload, segment, prefix } = setting;
  const [first, second] = UNDERLAY[setting.underlay];
  const shared = { suite, offload, segment, prefix };
  const ends = [
    await startEnd(a, { side: 'a', peer: second, ...shared }),
    await startEnd(b, { side: 'b', peer: first, ...shared }),
  ];
  return { a, b, ends };
}

async function serve(where: Namespace, script: string): Promise<LabProcess> {
  const server = where.start([pinnedNode(), '-e', script], { seconds: 60 });
  await until('a server', () => server.stdout().includes('ready'));
  return server;
}

/** Traffic of every kind over the tunnel, then what its ends counted. */
async function exercise(tunnel: Tunnel) {
  const { a, b, ends } = tunnel;
  await serve(b, SERVE);
  await serve(b, ECHO);
  for (const to of ['10.88.0.2', 'fd88::2']) {
    expect(await a.run(['ping', '-c3', '-i0.05', '-W2', '-s', '1300', to])).toContain('3 received');
    expect((await a.run([pinnedNode(), '-e', FETCH, to])).trim()).toBe(`${MEGABYTES << 20} true`);
    expect((await a.run([pinnedNode(), '-e', ASK, to])).trim()).toBe(String(DATAGRAM_COUNT));
  }
  const counting = await serve(b, COUNT);
  for (const [at, to] of INNER.entries()) {
    await a.run([pinnedNode(), '-e', SEGMENTED, ADDON, JSON.stringify(to)]);
    await until('all datagrams of a super-packet', () => counting.stdout().includes(`got ${60 * (at + 1)}`));
  }
  await Promise.all(ends.map((end) => end.stop()));
  return ends.map((end) => JSON.parse(end.stdout().split('\n')[1] ?? ''));
}

const ALL = { offload: true, segment: true, prefix: null } as const;
const ROWS: readonly (readonly [string, Setting])[] = [
  ['over IPv4 with all offloads', { ...ALL, underlay: 4, wire: 'whole', suite: SUITE.aes256gcm }],
  ['over IPv6 with all offloads and ChaCha20', { ...ALL, underlay: 6, wire: 'whole', suite: SUITE.chacha20poly1305 }],
  ['over a wire that carries single frames', { ...ALL, underlay: 4, wire: 'frames', suite: SUITE.aes256gcm }],
  [
    'in relay frames',
    { ...ALL, underlay: 6, wire: 'whole', suite: SUITE.aes256gcm, prefix: [0x20, 0, 0, 0, 1, 2, 3, 4] },
  ],
  ['without offload at TUN', { ...ALL, underlay: 4, wire: 'whole', suite: SUITE.aes256gcm, offload: false }],
  ['without UDP_SEGMENT and UDP_GRO', { ...ALL, underlay: 6, wire: 'frames', suite: SUITE.aes256gcm, segment: false }],
];

describe('a tunnel of the addon alone, between two namespaces', () => {
  for (const [name, setting] of ROWS) {
    it(`carries TCP, UDP and ICMP of both families ${name}`, { timeout: 60_000 }, () =>
      withLab(async (lab) => {
        const [a, b] = await exercise(await startTunnel(lab, setting));
        for (const end of [a, b]) {
          const { counters } = end;
          for (const fault of [
            'auth-failed',
            'bad-inner-header',
            'bad-inner-checksum',
            'bad-gso',
            'bad-flags',
            'short',
          ])
            expect(counters, fault).toHaveProperty(fault, 0);
          expect(end.seen).toMatchObject({ family: setting.underlay, raw: 0 });
          expect(end.seen.interface).toBeGreaterThan(0);
          expect(end.state.gso).toBe(setting.segment);
        }
        const { counters: sender, seen } = b;
        // one side saves system calls only where super-packets exist
        expect(a.seen.udpSupers).toBe(setting.offload ? INNER.length : 0);
        if (setting.offload) {
          expect(seen.supers).toBeGreaterThan(100);
          expect(sender['tun-reads']).toBeLessThan(sender.sealed / 4);
          expect(a.counters['tun-writes']).toBeLessThan(a.counters.opened / 2);
        } else {
          expect(seen.supers).toBe(0);
          expect(sender['tun-reads']).toBe(sender.sealed);
        }
      }),
    );
  }
});
