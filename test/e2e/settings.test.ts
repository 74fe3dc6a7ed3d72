import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../../src/cli/lab/until.ts';
import { GSCIP, inside, pings, withTwoNodes } from './two-nodes.ts';

/** The MTU that the kernel has for an interface. */
const kernelMtu = (text: string) => Number(/ mtu (\d+)/.exec(text)?.[1]);

describe('a node that runs', () => {
  it(
    'takes another MTU, log level and peer without a restart, from the command and from its file',
    () =>
      withTwoNodes(async (nodes) => {
        const { a, b } = nodes;
        const file = join(nodes.lab.folder, 'gscip.toml');
        const lines = [
          `bundle = "${a.bundle}"`,
          `state = "${a.state}"`,
          `socket = "${a.socket}"`,
          `log-file = "${nodes.lab.folder}/a.log"`,
          'mtu = 1300',
        ];
        writeFileSync(file, lines.join('\n'));
        const process = a.namespace.start([...GSCIP, 'up', '--config', file, '--listen', nodes.at(a)]);
        b.start({ listen: nodes.at(b), peers: [] });
        await Promise.all([a.ready(), b.ready()]);
        const { node } = await a.status();
        const mtu = () => kernelMtu(a.namespace.ip('link', 'show', 'dev', node.interface));

        const set = await nodes.cli(a, 'set', 'mtu=1380', `peer=b=${nodes.at(b)}`, 'flows=2048', '--json');
        expect(JSON.parse(set.stdout)).toMatchObject({
          changed: [
            { name: 'peer', effect: 'now' },
            { name: 'mtu', before: 1300, after: 1380, effect: 'now', overruledBy: 'file' },
            { name: 'flows', effect: 'restart' },
          ],
        });
        // nobody had said where b is
        expect(await pings(a, b)).toBe(true);
        expect([mtu(), (await a.status()).node.mtu]).toEqual([1380, 1380]);
        expect(await nodes.cli(a, 'get', 'mtu')).toMatchObject({ code: 0, stdout: '1380\n' });
        expect(readFileSync(join(a.state, 'config.toml'), 'utf8')).toMatch(/^mtu = 1380$/m);

        writeFileSync(file, [...lines.slice(0, 4), 'mtu = 1290', 'log-level = "debug"'].join('\n'));
        process.signal('SIGHUP');
        await until('the MTU of the file', () => mtu() === 1290);
        await until('the line about it', () => process.stderr().includes('"setting-changed","setting":"mtu"'));
        expect(readFileSync(join(nodes.lab.folder, 'a.log'), 'utf8')).toContain('"setting-changed","setting":"mtu"');
        writeFileSync(file, 'mtu = 1\n');
        const refused = await nodes.cli(a, 'reload');
        expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('mtu = 1 is out of range')]);
        expect(mtu()).toBe(1290);

        const whois = await nodes.cli(a, 'whois', await inside(b, 6), '--json');
        expect(JSON.parse(whois.stdout)).toMatchObject({ members: [{ name: 'b', path: { endpoint: nodes.at(b) } }] });
        expect(await nodes.cli(a, 'whois', '192.0.2.99')).toMatchObject({ code: 1 });
        expect(await nodes.cli(a, 'set', 'peer=nobody=192.0.2.1:1')).toMatchObject({ code: 1 });
        expect(await nodes.cli(a, 'set', 'nonsense')).toMatchObject({ code: 2 });
        const captured = join(nodes.lab.folder, 'b.pcapng');
        const asked = await nodes.cli(a, 'debug', 'capture', 'b', '--seconds', '2', '--out', captured);
        expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining('decrypted packets')]);
        const capture = nodes.cli(a, 'debug', 'capture', 'b', '--seconds', '4', '--yes', '--out', captured, '--json');
        await until('the line about the capture', () => process.stderr().includes('"capture-begun"'));
        await a.namespace.attempt(['ping', '-c', '2', '-i', '0.2', '-p', 'c0ffee42', await inside(b, 4)], {
          seconds: 10,
        });
        expect(JSON.parse((await capture).stdout)).toMatchObject({ packets: 4, missed: 0, end: 'time' });
        // what ping put into its two packets and their two answers, in clear
        expect(readFileSync(captured, 'hex').match(/(c0ffee42){8}/g)).toHaveLength(4);
        const archive = join(nodes.lab.folder, 'bundle.tar.gz');
        expect(await nodes.cli(a, 'debug', 'bundle', '--out', archive)).toMatchObject({ code: 0 });
        const unpacked = execFileSync('tar', ['-xzOf', archive], { encoding: 'utf8' });
        const { groups } = await a.status();
        for (const there of ['"setting-changed"', '"pseudonyms": true', 'gscip_pit_entries', '"mtu": 1290'])
          expect(unpacked).toContain(there);
        const secret = [
          nodes.at(b),
          '10.99.0.',
          node.id,
          await inside(a, 4),
          await inside(b, 6),
          `"${groups[0]?.name}"`,
        ];
        expect(secret.filter((each) => unpacked.includes(each))).toEqual([]);
        expect(await nodes.cli(a, 'debug', 'bundle', '--out', archive)).toMatchObject({ code: 1 });
        await process.stop();
        expect(await nodes.cli(a, 'get')).toMatchObject({ code: 3 });
      }),
    180_000,
  );
});
