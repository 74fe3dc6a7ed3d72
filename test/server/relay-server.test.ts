import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { encodeRelayToken } from '../../src/api/relay-token.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { type RunningRelay, startRelayServer } from '../../src/server/relay-server.ts';
import { run } from '../cli/cli-run.ts';
import { asked, bodyOf, portOf, statusOf } from '../http/raw-request.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-relay-'));
const running: RunningRelay[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((relay) => relay.close()));
});
afterAll(() => rmSync(top, { recursive: true }));

/** Of a server that is not there. */
const TOKEN = encodeRelayToken(nodeProvider, {
  id: '0011223344556677',
  secret: new Uint8Array(32).fill(7),
  servers: ['127.0.0.1:1'],
});

async function start(name: string, metrics: string | undefined, listen = '127.0.0.1:0'): Promise<RunningRelay> {
  const log = { log: () => undefined };
  const state = join(top, name);
  const relay = await startRelayServer({ state, listen, metrics, token: TOKEN, release: '1.2.3', log });
  running.push(relay);
  return relay;
}

async function read({ metricsUrl = '' }: RunningRelay, path: string): Promise<string> {
  return asked(portOf(metricsUrl), 'GET', path);
}

describe('the metrics of a relay that runs apart', () => {
  it('are read at their port under the names that a relay in a server has', async () => {
    const relay = await start('one', '127.0.0.1:0');
    const text = bodyOf(await read(relay, '/metrics'));
    for (const name of ['relay_channels', 'relay_links', 'relay_datagrams_total', 'udp_refused_total'])
      expect(text).toContain(`\ngscip_server_${name} 0\n`);
    expect(text).toContain('# TYPE gscip_server_relay_bytes_total counter\n');
    expect(text).toMatch(/^process_resident_memory_bytes [1-9]/m);
    const health = await read(relay, '/healthz');
    expect([statusOf(health), JSON.parse(bodyOf(health))]).toEqual([503, { ok: false }]);
  });

  it('count what it drops', async () => {
    const relay = await start('two', '127.0.0.1:0');
    const socket = createSocket('udp4');
    const events = async () =>
      bodyOf(await read(relay, '/metrics')).match(/^gscip_server_datagram_events_total\{.*$/gm);
    socket.send(new Uint8Array(40).fill(0xee), relay.port, '127.0.0.1');
    const counted = [expect.stringMatching(/\{event="[a-z-]+"\} [1-9]/)];
    await expect.poll(events, { interval: 300, timeout: 10_000 }).toEqual(counted);
    socket.close();
  });

  it('have no port unless they were asked for, and none when it has ended', async () => {
    expect((await start('three', undefined)).metricsUrl).toBeUndefined();
    const relay = await start('four', '127.0.0.1:0');
    await relay.close();
    expect(await read(relay, '/metrics')).toBe('');
  });

  it('stop a start whose port is taken, which then changes nothing', async () => {
    const other = await start('five', '127.0.0.1:0');
    const metrics = `127.0.0.1:${portOf(other.metricsUrl ?? '')}`;
    const free = await start('six', undefined);
    await free.close();
    const listen = `127.0.0.1:${free.port}`;
    await expect(start('seven', metrics, listen)).rejects.toMatchObject({ code: 'port-in-use' });
    expect(existsSync(join(top, 'seven'))).toBe(false);
    expect((await start('eight', undefined, listen)).port).toBe(free.port);
  });

  it('are of no server, which has its own', async () => {
    const { status, stderr } = await run(['server', '--metrics', '127.0.0.1:9470', '--state', join(top, 'nine')]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('--metrics belongs to --roles relay')]);
    expect(existsSync(join(top, 'nine'))).toBe(false);
    expect((await run(['server', '--roles', 'relay', '--metrics', '9470'])).stderr).toContain(
      'no address to listen on',
    );
  });
});
