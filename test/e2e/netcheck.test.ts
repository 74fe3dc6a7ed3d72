import { describe, expect, it, vi } from 'vitest';
import type { NetcheckAnswer } from '../../src/api/netcheck.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Placed, ReachWorld } from '../netns/nat/reach-world.ts';
import { type Place, SERVER } from '../netns/nat/sites.ts';
import { gscip, withTwoNodes } from './two-nodes.ts';

vi.setConfig({ testTimeout: 120_000 });

async function netcheck(where: Namespace, ...words: readonly string[]): Promise<NetcheckAnswer> {
  const { stdout, stderr, code } = await gscip(where, 'netcheck', '--json', ...words);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

const codes = ({ findings }: NetcheckAnswer) => findings.map(({ code }) => code);

/** What it is to find at each place, and what it calls the NAT there. */
const PLACES: readonly (readonly [Place, RegExp, Partial<NetcheckAnswer>, readonly string[]])[] = [
  ['open', /^none/, { udp: 'open' }, []],
  ['full cone', /^(full cone|cone, filter unknown)$/, { udp: 'open' }, []],
  ['address-restricted', /^(address-restricted|cone, filter unknown)$/, { udp: 'open' }, []],
  ['port-restricted', /^port-restricted$/, { udp: 'open' }, []],
  ['symmetric', /^symmetric$/, { udp: 'open' }, ['nat-per-destination']],
  ['UDP blocked', /^unknown$/, { udp: 'blocked' }, ['udp-blocked']],
];

/** What it says when it has found out what the NAT is called; else what it says after some time. */
async function knows(placed: Placed | undefined, kind: RegExp): Promise<NetcheckAnswer> {
  if (!placed) throw new Error('nobody is there');
  const { site, node } = placed;
  const ask = () => netcheck(site.host, '--socket', node.socket);
  const found = async () => {
    const answer = await ask();
    return kind.test(answer.nat?.kind ?? '') && answer.relays.every(({ rttMs }) => rttMs !== null) && answer;
  };
  return until('the kind of NAT', found, { everyMs: 500 }).catch(ask);
}

describe('netcheck', () => {
  it('finds out what each kind of place lets through, and what everybody there is called outside', () =>
    withLab(async (lab) => {
      const world = await ReachWorld.start(lab);
      const sites = await Promise.all(PLACES.map(([place], at) => world.net.site(place, at + 1)));
      const placed = await world.join(
        sites,
        PLACES.map((_, at) => `n${at}`),
      );
      for (const [at, [place, kind, fields, findings]] of PLACES.entries()) {
        const site = sites[at];
        const answer = await knows(placed[at], kind);
        expect(answer, place).toMatchObject({ agent: true, ...fields });
        expect(answer.nat?.kind, place).toMatch(kind);
        expect(codes(answer), place).toEqual(findings);
        expect(answer.server, place).toMatchObject({ connected: true, door: 'open' });
        expect(answer.ipv4.addresses, place).toEqual([site?.address]);
        if (fields.udp !== 'open') continue;
        expect(answer.ipv4.outer?.split(':')[0], place).toBe(site?.outer);
        expect(answer.relays, place).toEqual([
          { address: expect.stringContaining(SERVER.first), rttMs: expect.any(Number) },
        ]);
      }
    }));

  it('says what it can without an agent, and with one that has no server', () =>
    withTwoNodes(async (nodes) => {
      const { a } = nodes;
      const before = await netcheck(a.namespace, '--socket', a.socket, '--server', '10.99.0.2:1');
      expect(before).toMatchObject({ agent: false, nat: null, server: { door: 'silent', connected: false } });
      expect(codes(before)).toEqual(['agent-not-running', 'offline', 'server-silent']);
      await nodes.up();
      const after = await netcheck(a.namespace, '--socket', a.socket);
      expect(after).toMatchObject({ agent: true, udp: 'unknown', server: { url: null, door: 'not-asked' } });
      expect(after.ipv4.addresses).toEqual(['10.99.0.1']);
      expect(codes(after)).toEqual(['offline', 'no-coordinator']);
    }));

  it('notices somebody else in the place of the server', () =>
    withTwoNodes(async ({ a, b }) => {
      const portal =
        "require('net').createServer((s) => s.end('HTTP/1.1 302 Found\\r\\nLocation: /login\\r\\n\\r\\n')).listen(8443)";
      b.namespace.start([process.execPath, '-e', portal], { seconds: 60 });
      await vi.waitUntil(
        async () =>
          (await netcheck(a.namespace, '--socket', a.socket, '--server', '10.99.0.2:8443')).server.door !== 'silent',
        { timeout: 20_000, interval: 200 },
      );
      expect(codes(await netcheck(a.namespace, '--socket', a.socket, '--server', '10.99.0.2:8443'))).toContain(
        'captive',
      );
    }));
});
