import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { reachEachOther, withServer } from './served-nodes.ts';
import { counted, GROUP, GSCIP } from './two-nodes.ts';

/** What a machine's hosts file holds before: no line end at its end, another VPN's lines, and a byte of no encoding. */
const BEFORE = Buffer.from(
  '127.0.0.1 localhost\n127.0.1.1 a\n# BEGIN other\n100.100.0.1 x.other\n# \xff end other',
  'latin1',
);

/** A machine with a hosts file of its own, as a mount namespace gives it; the one that runs the test is never touched. */
class OwnFiles {
  readonly hosts: string;

  constructor(folder: string) {
    this.hosts = join(folder, 'hosts');
    writeFileSync(this.hosts, BEFORE);
  }

  get text(): string {
    return readFileSync(this.hosts, 'latin1');
  }

  /** Words that bring a command behind these files. */
  by(): string[] {
    return ['unshare', '-m', 'sh', '-c', `mount --bind ${this.hosts} /etc/hosts && exec "$@"`, 'sh'];
  }
}

/** Starts a node that ran before, with files of its own. */
async function again(node: OverlayNode, files: OwnFiles): Promise<LabProcess> {
  const words = [...files.by(), ...GSCIP, 'up', '--state', node.state, '--socket', node.socket];
  const started = node.namespace.start(words, { seconds: 300 });
  await node.ready();
  return started;
}

/** What a program of the machine finds: with `files` by its resolver, else by asking the node itself. */
async function found(node: OverlayNode, files: OwnFiles, ...words: readonly string[]): Promise<string> {
  const { stdout } = await node.namespace.attempt([...files.by(), 'getent', ...words], { seconds: 20 });
  return stdout.trim().replace(/\s+/g, ' ');
}

const ASK = `
const [server, name, type] = process.argv.slice(1);
const resolver = new (require('node:dns').promises.Resolver)({ timeout: 1000, tries: 1 });
resolver.setServers([server]);
const asked = type === 'PTR' ? resolver.reverse(name) : resolver.resolve(name, type);
asked.then((found) => console.log(found.join()), ({ code }) => console.log(code));`;

async function asks(from: OverlayNode, server: string, name: string, type: string): Promise<string> {
  return (await from.namespace.run([pinnedNode(), '-e', ASK, server, name, type], { seconds: 20 })).trim();
}

async function addresses(node: OverlayNode): Promise<readonly [four: string, six: string]> {
  const [four = '', six = ''] = (await node.ready()).node.addresses;
  return [four, six];
}

describe('a member by its name', () => {
  it('is found right after a start with the server dead, by files and by DNS, and the hosts file is as before at the end', () =>
    withServer(['a', 'b'], async (nodes) => {
      const files = new OwnFiles(nodes.machines.lab.folder);
      const a = await nodes.served.add('a', nodes.machines.space('a'), [GROUP]);
      a.start({ listen: nodes.machines.at('a'), by: files.by() });
      await a.ready();
      const b = await nodes.join('b');
      const [four, six] = await addresses(b);
      const domain = (await a.status()).dns.domain;
      await until('b in the hosts file', () => files.text.includes(`${four} b.${domain} b\n`));
      await reachEachOther([a, b]);

      // the machine is switched off, and on again while the server is gone
      await nodes.served.server.kill();
      a.process?.signal('SIGTERM');
      await a.process?.exited;
      expect(readFileSync(files.hosts)).toEqual(BEFORE);
      const agent = await again(a, files);
      expect((await a.status()).dns).toMatchObject({ mode: 'hosts', names: 2, unnamed: [] });
      expect(await found(a, files, 'ahostsv4', 'b')).toContain(four);
      expect(await found(a, files, 'ahostsv6', `b.${domain}`)).toContain(six);
      expect(await found(a, files, 'hosts', four)).toBe(`${four} b.${domain} b`);
      expect(await found(a, files, 'hosts', six)).toBe(`${six} b.${domain} b`);
      // the machine calls itself a
      expect(await found(a, files, 'ahostsv4', 'a')).toContain('127.0.1.1');
      const ping = [...files.by(), 'ping', '-c', '1', '-W', '1', `b.${domain}`];
      await until('b by its name', async () => (await a.namespace.attempt(ping)).code === 0, { seconds: 40 });

      const [own] = await addresses(a);
      expect([
        await asks(a, own, `B.${domain}`, 'A'),
        await asks(a, own, `b.${domain}`, 'AAAA'),
        await asks(a, own, four, 'PTR'),
        await asks(a, own, six, 'PTR'),
        await asks(a, own, `c.${domain}`, 'A'),
        await asks(a, own, 'example.com', 'A'),
      ]).toEqual([four, six, `b.${domain}`, `b.${domain}`, 'ENOTFOUND', 'EREFUSED']);
      // a member is not answered, though its datagrams arrive
      expect(await asks(b, own, `b.${domain}`, 'A')).toBe('ETIMEOUT');
      expect(await counted(a, 'name-query-strange')).toBeGreaterThan(0);

      // after a crash there is one command for it, and one start would do the same
      agent.signal('SIGKILL');
      await agent.exited;
      expect(files.text).toContain(`${four} b.${domain} b\n`);
      const down = [...GSCIP, 'down', '--socket', a.socket, '--state', a.state];
      expect(await a.namespace.attempt([...files.by(), ...down])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('taken away'),
      });
      expect(readFileSync(files.hosts)).toEqual(BEFORE);
    }));
});
