import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { withGateways } from './gateways.ts';

const TOOL: readonly string[] = [pinnedNode(), fileURLToPath(new URL('./dhcp-tool.ts', import.meta.url))];
const [LAN, WIRE] = ['10.1.0.255', '10.99.0.255'];

async function serve(where: Namespace, broadcast: string, port = 67): Promise<void> {
  const tool = where.start([...TOOL, 'serve', broadcast, `${port}`], { seconds: 120 });
  await until(
    () => `the server: ${tool.stderr()}`,
    () => tool.stdout().includes('ready'),
  );
}

const ask = async (from: Namespace, broadcast: string, port = 67) =>
  (await from.run([...TOOL, 'ask', broadcast, `${port}`], { seconds: 20 })).trim();

/** The first complaint of ping, which sends one packet of 1,450 bytes that must not be cut. */
async function tooLarge(from: Namespace, to: string): Promise<string> {
  const said = await from.attempt(['ping', '-c', '1', '-W', '2', '-M', 'do', '-s', '1450', to], { seconds: 10 });
  return `${said.stdout}${said.stderr}`;
}

it(
  'E3: the lock of a closed GEN lets DHCP through on both sides of it and nothing beside it, and tells terminals what is too large',
  () =>
    withGateways(async (network) => {
      const { a, b, member } = network;
      await network.up();
      expect((await a.node.status()).lock.state).toBe('closed');
      for (const port of [67, 69]) {
        await serve(a.router, LAN, port);
        await serve(member.namespace, WIRE, port);
      }
      // of terminals to the router as their server, and of the router as a client of somebody else's
      expect([await ask(a.terminal, LAN), await ask(a.terminal, LAN, 69)]).toEqual(['answered', 'silence']);
      expect([await ask(a.router, WIRE), await ask(a.router, WIRE, 69)]).toEqual(['answered', 'silence']);
      expect((await a.terminal.attempt(['ping', '-c', '1', '-W', '2', '10.1.0.1'], { seconds: 10 })).code).not.toBe(0);

      const reaches = async () =>
        (await a.terminal.attempt(['ping', '-c', '1', '-W', '2', b.v4], { seconds: 10 })).code === 0;
      await until('the other network', reaches, { seconds: 20 });
      expect(await tooLarge(a.terminal, b.v4)).toMatch(/Frag needed .*mtu = 1400/);
      expect(await tooLarge(a.terminal, b.v6)).toMatch(/Packet too big: mtu=1400/);
    }, 'cl'),
  120_000,
);
