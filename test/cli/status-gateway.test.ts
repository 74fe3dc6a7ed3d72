import { expect, it } from 'vitest';
import type { GatewayStatus } from '../../src/api/status.ts';
import { gatewayLines } from '../../src/cli/status-gateway.ts';

const GATEWAY: GatewayStatus = {
  subnets: [
    { prefix: '10.1.0.0/24', inside: ['lan'] },
    { prefix: 'fd01::/64', inside: [] },
  ],
  outside: ['wan'],
  snat: false,
  terminals: Array.from({ length: 12 }, (_, at) => ({ address: `10.1.0.${at}`, flows: at, idleSeconds: at })),
  packets: { in: 7, out: 5, blocked: 2 },
  dropped: { 'gateway-overlay-source': 3, 'gateway-broadcast': 0 },
};

it('status shows what a GEN serves, and who is behind it', () => {
  const text = gatewayLines(GATEWAY);
  expect(text).toContain('inside      10.1.0.0/24 by lan; fd01::/64 by no interface');
  expect(text).toContain('forwarded   7 packets in, 5 out, 2 stopped by other rules of this machine');
  expect(text).toContain('dropped     3 gateway-overlay-source\n');
  expect(text).toMatch(/10\.1\.0\.9 \(9 flows, last 9 s ago\), and 2 more$/);
  expect(gatewayLines({ ...GATEWAY, snat: true, outside: [], terminals: [] })).toMatch(
    /no default route[\s\S]*see this router's address[\s\S]*none has flows$/,
  );
});

it('status says nothing of it on other nodes', () => {
  expect(gatewayLines(null)).toBe('');
});
