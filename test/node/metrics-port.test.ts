import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ListenAddress, parseListenAddress } from '../../src/base/listen-address.ts';
import type { AgentConfig } from '../../src/node/agent-config.ts';
import { MetricsPort, refuseTakenPort } from '../../src/node/metrics-port.ts';
import { asked, bodyOf, portOf } from '../http/raw-request.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** Another program that listens on loopback. */
async function taken(): Promise<{ readonly at: ListenAddress; free(): Promise<void> }> {
  const server: Server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const free = () => new Promise<void>((resolve) => server.close(() => resolve()));
  ending.push(free);
  return { at: { host: '127.0.0.1', port }, free };
}

function portFor(metrics: ListenAddress | undefined, isGiven: boolean) {
  let tries = 0;
  const given: AgentConfig['given'] = new Set(isGiven ? (['metrics'] as const) : []);
  const config = {
    given,
    get metrics() {
      tries += 1;
      return metrics;
    },
  };
  const lines: string[] = [];
  const urls: string[] = [];
  const port = new MetricsPort({
    ...{ config, source: { text: () => 'fine\n', isWell: () => true }, own: () => [] },
    log: {
      log: (level, event, { at }) => {
        lines.push(`${level} ${event}`);
        if (typeof at === 'string') urls.push(at);
      },
    },
  });
  ending.push(() => port.close());
  /** what is read where it was opened last */
  const read = async () => {
    const url = urls.at(-1);
    return url === undefined ? '' : bodyOf(await asked(portOf(url), 'GET', '/metrics'));
  };
  return { port, lines, urls, read, tries: () => tries };
}

const LOOPBACK = parseListenAddress('127.0.0.1:0');

describe('the port of a node for metrics', () => {
  it('is there only where it is wished for', async () => {
    const { port, lines } = portFor(undefined, false);
    await port.open();
    expect([lines, port.health()]).toEqual([[], []]);
  });

  it('stops the start where an option asks for what cannot be had', async () => {
    const other = await taken();
    const { port, lines } = portFor(other.at, true);
    await expect(port.open()).rejects.toMatchObject({ code: 'port-in-use' });
    expect(lines).toEqual([]);
  });

  it('is missed, told, and tried again where it was kept from an earlier start', async () => {
    const other = await taken();
    const { port, lines, read, tries } = portFor(other.at, false);
    await port.open();
    expect(port.health()).toMatchObject([
      { code: 'metrics-not-served', text: expect.stringContaining('another program') },
    ]);
    port.tick(10_000);
    port.tick(19_999);
    await port.move(undefined);
    expect([port.health(), tries()]).toEqual([[], 2]);
    await port.open();
    await other.free();
    port.tick(20_000);
    await expect.poll(() => port.health()).toEqual([]);
    expect(await read()).toBe('fine\n');
    expect(lines).toEqual(['info metrics-served']);
  });

  it('moves, also to another address with the same number, and back', async () => {
    const { port, urls, read } = portFor(LOOPBACK, true);
    await port.open();
    const number = portOf(urls[0] ?? '');
    const undo = await port.move({ host: undefined, port: number });
    expect([portOf(urls[1] ?? ''), await read()]).toEqual([number, 'fine\n']);
    await undo();
    expect([urls.at(-1)?.startsWith('http://127.0.0.1:'), await read()]).toEqual([true, 'fine\n']);
    await port.move(undefined);
    expect(await read()).toBe('');
  });

  it('stays where it is when it cannot be where it should', async () => {
    const other = await taken();
    const { port, urls } = portFor({ host: '127.0.0.1', port: 0 }, true);
    await port.open();
    const { at } = await freePort();
    await port.move(at);
    await expect(port.move(other.at)).rejects.toMatchObject({ code: 'port-in-use' });
    expect(portOf(urls.at(-1) ?? '')).toBe(at.port);
    expect(bodyOf(await asked(at.port, 'GET', '/metrics'))).toBe('fine\n');
    expect(port.health()).toEqual([]);
  });

  it('is not opened any more by one that was closed', async () => {
    const { port, urls } = portFor(LOOPBACK, true);
    const closed = port.close();
    await port.open();
    await closed;
    expect(urls).toEqual([]);
  });
});

/** A port that was free a moment ago. */
async function freePort(): Promise<{ readonly at: ListenAddress }> {
  const { at, free } = await taken();
  await free();
  return { at };
}

describe('the look before a start', () => {
  it('refuses a port that is taken, and takes none that is free or at an address to come', async () => {
    const other = await taken();
    await expect(refuseTakenPort(other.at)).rejects.toMatchObject({ code: 'port-in-use' });
    await expect(refuseTakenPort({ host: '192.0.2.1', port: other.at.port })).resolves.toBeUndefined();
    const { at } = await freePort();
    await refuseTakenPort(at);
    await refuseTakenPort(at);
  });
});
