import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { MESSAGE } from '../../src/base/primitives.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { UDP_MESSAGE_STRIDE, type UdpOptions, type UdpSocket } from '../../src/native/addon.ts';
import { needAddon } from './need-addon.ts';

const addon = needAddon();
const opened: number[] = [];
afterAll(() => {
  for (const fd of opened) addon.close(fd);
});

const PLAIN = { port: 0, gro: false, gso: false, reusePort: false } as const;
const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0));

function open(options: Partial<UdpOptions> = {}): UdpSocket {
  const socket = addon.udpOpen({ ...PLAIN, ...options });
  if (typeof socket === 'string') throw new Error(socket);
  opened.push(socket.fd);
  return socket;
}

/** The next messages as they arrive, by the watch that the shell uses too. */
function receive(socket: UdpSocket, max = 8): Promise<{ readonly arena: Uint8Array; readonly rows: Int32Array }> {
  return new Promise((resolve) => {
    const watch = addon.pollStart(socket.fd, () => {
      const arena = new Uint8Array(max * UDP_MESSAGE_STRIDE);
      const rows = new Int32Array(max * MESSAGE.stride);
      const count = addon.udpReceiveBatch(socket.fd, arena, rows, max);
      if (typeof watch !== 'string') addon.pollStop(watch);
      resolve({ arena, rows: rows.subarray(0, count * MESSAGE.stride) });
    });
  });
}

describe('a UDP socket', () => {
  it('takes both families when no address is named', () => expect(open().family).toBe(6));

  it('takes one family when an address is named', () => {
    expect(open({ address: '127.0.0.1' }).family).toBe(4);
    expect(open({ address: '::1' }).family).toBe(6);
  });

  it('tells by name why it cannot be opened', () => {
    const { port } = open();
    expect(addon.udpOpen({ ...PLAIN, port })).toBe('EADDRINUSE');
    expect(addon.udpOpen({ ...PLAIN, address: '192.0.2.77' })).toBe('EADDRNOTAVAIL');
    expect(addon.udpOpen({ ...PLAIN, address: 'localhost' })).toBe('EINVAL');
    expect(addon.udpOpen({ ...PLAIN, port: 70_000 })).toBe('EINVAL');
  });

  it('shares its port when asked to', () => {
    const { port } = open({ reusePort: true });
    expect(open({ port, reusePort: true }).port).toBe(port);
  });

  const sources = [
    ['an IPv4 sender of a dual-stack socket as IPv4', LOOPBACK4, 4, [0x0100007f, 0, 0, 0]],
    ['an IPv6 sender', LOOPBACK6, 6, [0, 0, 0, 0x01000000]],
  ] as const;
  for (const [name, address, family, words] of sources) {
    it(`reports ${name}, with port and interface`, async () => {
      const [here, there] = [open(), open()];
      const arriving = receive(here);
      expect(addon.udpSend(there.fd, utf8('hello'), address, here.port)).toBe('');
      const { arena, rows } = await arriving;
      expect([...rows]).toEqual([0, 5, 5, family, ...words, there.port, 0, 1, 0]);
      expect(arena.subarray(0, 5)).toEqual(utf8('hello'));
    });
  }

  it('says why a datagram cannot be sent', () => {
    const [v4, v6] = [open({ address: '127.0.0.1' }), open()];
    expect(addon.udpSend(v4.fd, utf8('x'), LOOPBACK6, 4000)).toBe('EAFNOSUPPORT');
    expect(addon.udpSend(v6.fd, new Uint8Array(65_508), LOOPBACK4, 4000)).toBe('EMSGSIZE');
    expect(addon.udpSend(v6.fd, utf8('x'), LOOPBACK4, 0)).toBe('EINVAL');
    expect(addon.udpSend(v6.fd, utf8('x'), new Uint8Array(5), 4000)).toBe('EINVAL');
    expect(addon.udpSend(99_999, utf8('x'), LOOPBACK4, 4000)).toBe('EBADF');
  });

  it('gives nothing when nothing came, and an error for a descriptor that is none', () => {
    const rows = new Int32Array(MESSAGE.stride);
    expect(addon.udpReceiveBatch(open().fd, new Uint8Array(UDP_MESSAGE_STRIDE), rows, 1)).toBe(0);
    expect(addon.udpReceiveBatch(-1, new Uint8Array(UDP_MESSAGE_STRIDE), rows, 1)).toBe(-9);
  });

  it('reads in groups until it is empty or has 256 KB', async () => {
    const [large, small, there] = [open(), open(), open()];
    const arriving = [receive(large, 20), receive(small, 20)];
    for (let at = 0; at < 9; at++) addon.udpSend(there.fd, new Uint8Array(33_000), LOOPBACK4, large.port);
    for (let at = 0; at < 12; at++) addon.udpSend(there.fd, utf8('x'), LOOPBACK4, small.port);
    const counts = (await Promise.all(arriving)).map(({ rows }) => rows.length / MESSAGE.stride);
    expect(counts).toEqual([8, 12]);
  });

  it('fills no more rows than arena and table hold', async () => {
    const [here, there] = [open(), open()];
    const arriving = receive(here, 2);
    for (const text of ['a', 'b', 'c']) addon.udpSend(there.fd, utf8(text), LOOPBACK4, here.port);
    expect((await arriving).rows).toHaveLength(2 * MESSAGE.stride);
    expect((await receive(here)).rows).toHaveLength(MESSAGE.stride);
  });
});

describe('watching a descriptor', () => {
  it('refuses a second watch in the same loop', () => {
    const { fd } = open();
    const first = addon.pollStart(fd, () => {});
    expect(addon.pollStart(fd, () => {})).toBe('EEXIST');
    if (typeof first !== 'string') addon.pollStop(first);
  });

  it('may be stopped twice', () => {
    const watch = addon.pollStart(open().fd, () => {});
    if (typeof watch === 'string') throw new Error(watch);
    addon.pollStop(watch);
    addon.pollStop(watch);
  });

  it('makes what the callback throws an uncaught exception', () => {
    const script = `const addon = require(process.argv[1]);
      process.on('uncaughtException', (error) => { console.log(error.message); process.exit(3); });
      const socket = addon.udpOpen({ port: 0, gro: false, gso: false, reusePort: false });
      addon.pollStart(socket.fd, () => { throw new Error('from the callback'); });
      addon.udpSend(socket.fd, Buffer.from('x'), Uint8Array.of(127, 0, 0, 1), socket.port);`;
    const run = () => runNow(pinnedNode(), ['-e', `${script}`, join(PROJECT, 'build/gscip.node')]);
    expect(run).toThrow('ended with 3');
  });
});

describe('a kernel that refuses sends', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-refuse-'));
  const shim = join(folder, 'refuse-send.so');
  runNow('g++', ['-std=c++17', '-shared', '-fPIC', '-o', shim, join(PROJECT, 'test/native/refuse-send.cc'), '-ldl']);
  afterAll(() => rmSync(folder, { recursive: true }));

  const burst = (refuse: string, program = 'send-burst.ts') =>
    JSON.parse(
      runNow('env', [`LD_PRELOAD=${shim}`, `REFUSE=${refuse}`, pinnedNode(), join(PROJECT, 'test/native', program)]),
    );

  const whole = { sealed: 200, opened: 200, 'send-failed': 0, 'send-would-block': 0 };
  const rows = [
    ['nothing: one send each', 'no', { sends: 1, sendsAgain: 1, gso: true, maxSegments: 128, lastError: '' }, whole],
    ['UDP_SEGMENT: each datagram alone from then on', 'gso', { gso: false, lastError: '' }, whole],
    ['more than 64 datagrams: two sends', 'many', { sends: 2, sendsAgain: 2, gso: true, maxSegments: 64 }, whole],
    [
      'datagrams above the MTU: lost and counted, UDP_SEGMENT stays',
      'mtu',
      { sends: 0, gso: true, lastError: 'EMSGSIZE' },
      { sealed: 200, opened: 0, 'send-failed': 200 },
    ],
    [
      'everything for want of room: lost and counted after a short wait',
      'busy',
      { sends: 0, gso: true, lastError: 'EAGAIN' },
      { sealed: 200, opened: 0, 'send-would-block': 200, 'send-failed': 0 },
    ],
  ] as const;
  for (const [name, refuse, state, counters] of rows) {
    it(`refuses ${name}`, () => expect(burst(refuse)).toMatchObject({ ...state, counters }));
  }

  const numbers = (first: number, count: number) => Array.from({ length: count }, (_, at) => first + at);
  const received = [
    [...numbers(0, 40), ...numbers(41, 40), ...numbers(82, 40)],
    [40, 81, 122],
  ];
  const relayed = [
    ['nothing: those to one end go together', 'no', { lost: 0, received, gso: true, counters: { sends: 2 } }],
    ['UDP_SEGMENT: each datagram alone', 'gso', { lost: 0, received, gso: false }],
    ['more than 64 datagrams', 'many', { lost: 0, received, gso: true, maxSegments: 64, counters: { sends: 3 } }],
    ['datagrams above the MTU', 'mtu', { lost: 123, received: [[], []], gso: true, counters: { 'send-failed': 123 } }],
    ['everything for want of room', 'busy', { lost: 123, received: [[], []], counters: { 'send-would-block': 123 } }],
  ] as const;
  for (const [name, refuse, expected] of relayed) {
    it(`refuses ${name}, of a relay`, () => expect(burst(refuse, 'relay-burst.ts')).toMatchObject(expected));
  }
});
