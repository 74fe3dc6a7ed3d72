import { describe, expect, it } from 'vitest';
import { type SwitchBoard, Switches } from '../../../src/node/gateway/switches.ts';

/** A kernel in memory. */
class Board implements SwitchBoard {
  readonly values: Map<string, string>;
  bootId = 'one';

  constructor(values: Readonly<Record<string, string>>) {
    this.values = new Map(Object.entries(values));
  }

  read(path: string) {
    return Promise.resolve(this.values.get(path));
  }

  write(path: string, value: string) {
    if (!this.values.has(path)) return Promise.reject(new Error(path));
    this.values.set(path, value);
    return Promise.resolve();
  }

  interfaces() {
    return Promise.resolve(['all', 'lan', 'wan']);
  }

  boot() {
    return Promise.resolve(this.bootId);
  }

  shown() {
    return Object.fromEntries(this.values);
  }
}

const HOST = {
  'ipv4/ip_forward': '0',
  'ipv4/conf/lan/forwarding': '0',
  'ipv4/conf/wan/forwarding': '0',
  'ipv4/conf/gscip0/forwarding': '0',
  'ipv6/conf/all/forwarding': '0',
  'ipv6/conf/lan/accept_ra': '0',
  'ipv6/conf/wan/accept_ra': '1',
};
const NEWER = { 'ipv6/conf/lan/force_forwarding': '0', 'ipv6/conf/gscip0/force_forwarding': '0' };
const BOTH = new Set([4, 6] as const);

function machine(values: Readonly<Record<string, string>>) {
  const board = new Board(values);
  const file: { text: string | undefined } = { text: undefined };
  const memory = {
    read: () => file.text,
    write: (text: string) => {
      file.text = text;
    },
  };
  return { board, file, start: () => new Switches(board, memory) };
}

describe('the switches of forwarding', () => {
  it('are those of the interfaces, and are set back', async () => {
    const { board, start } = machine({ ...HOST, ...NEWER });
    const switches = start();
    await switches.forward(BOTH, ['lan', 'gscip0']);
    const on = { 'ipv4/conf/lan/forwarding': '1', 'ipv4/conf/gscip0/forwarding': '1' };
    const on6 = { 'ipv6/conf/lan/force_forwarding': '1', 'ipv6/conf/gscip0/force_forwarding': '1' };
    expect(board.shown()).toEqual({ ...HOST, ...NEWER, ...on, ...on6 });
    await switches.restore();
    expect(board.shown()).toEqual({ ...HOST, ...NEWER });
  });

  it('are those of all for IPv6 on an older kernel, which then still hears its router', async () => {
    const { board, start } = machine(HOST);
    const switches = start();
    await switches.forward(new Set([6]), ['lan', 'gscip0']);
    expect(board.shown()).toEqual({ ...HOST, 'ipv6/conf/all/forwarding': '1', 'ipv6/conf/wan/accept_ra': '2' });
    await switches.restore();
    expect(board.shown()).toEqual(HOST);
  });

  it('are left alone in a family without a network, and where all forward', async () => {
    const router = { ...HOST, 'ipv6/conf/all/forwarding': '1' };
    const { board, start, file } = machine(router);
    await start().forward(new Set([6]), ['lan']);
    expect(board.shown()).toEqual(router);
    expect(file.text).toBeUndefined();
  });

  it('are set back after a crash', async () => {
    const { board, start } = machine({ ...HOST, ...NEWER });
    await start().forward(BOTH, ['lan', 'gscip0']);
    for (const path of [...board.values.keys()]) if (path.includes('gscip0')) board.values.delete(path);
    expect(await start().restoreLeft()).toBe(4);
    expect(board.values.get('ipv4/conf/lan/forwarding')).toBe('0');
    expect(board.values.get('ipv6/conf/lan/force_forwarding')).toBe('0');
    expect(await start().restoreLeft()).toBe(0);
  });

  it('are not those of an earlier start of the machine', async () => {
    const { board, start } = machine(HOST);
    await start().forward(new Set([4]), ['lan']);
    board.bootId = 'two';
    expect(await start().restoreLeft()).toBe(0);
    expect(board.values.get('ipv4/conf/lan/forwarding')).toBe('1');
  });

  it('stay where somebody changed them, or turned forwarding on for all meanwhile', async () => {
    const changed = machine(HOST);
    const switches = changed.start();
    await switches.forward(new Set([6]), ['lan']);
    changed.board.values.set('ipv6/conf/wan/accept_ra', '0');
    await switches.restore();
    expect(changed.board.values.get('ipv6/conf/wan/accept_ra')).toBe('0');

    const docker = machine(HOST);
    const others = docker.start();
    await others.forward(new Set([4]), ['lan']);
    for (const path of Object.keys(HOST)) if (path.startsWith('ipv4')) docker.board.values.set(path, '1');
    await others.restore();
    expect(docker.board.values.get('ipv4/conf/lan/forwarding')).toBe('1');
  });

  it.each([
    '{',
    '[]',
    '{"boot":"one","switches":[{"path":"../../kernel/panic","before":"1","set":"0"}]}',
    '{"boot":"one","switches":[{"path":"ipv4/conf/../tcp_syncookies","before":"1","set":"0"}]}',
    '{"boot":"one","switches":[7]}',
  ])('are not read from a damaged list: %s', async (text) => {
    const { board, start, file } = machine(HOST);
    file.text = text;
    expect(await start().restoreLeft()).toBe(0);
    expect(board.shown()).toEqual(HOST);
  });
});
