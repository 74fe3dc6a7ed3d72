import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { bundleFiles, type Collected } from '../../../src/cli/debug/bundle-files.ts';
import { tarArchive } from '../../../src/cli/debug/tar.ts';

const NODE_ID = '00112233445566778899aabbccddeeff';
const TOKEN = `gsj1.${'aB3_'.repeat(20)}@gms.example.org:47247`;
/** Whatever says who or where; each stands in several files, and in each place where the program might put it. */
const PRIVATE = [
  'laptop',
  'paris-office',
  'gateway7',
  'acme',
  'buildbox',
  'gms.example.org',
  'alice',
  '192.168.7.9',
  '203.0.113.77',
  '2001:db8:7::9',
  'fd7a:1234::5',
  NODE_ID,
  '52:54:00:ab:cd:ef',
];
const SECRETS = ['aB3_aB3_', 'hunter2', 'c0ffee'.repeat(10), '7K3QD-0M5XW'];

function collected(): Collected {
  const say = (words: string) =>
    `${words}: laptop of paris-office in acme, at 203.0.113.77:5 and [2001:db8:7::9]:5; ${'c0ffee'.repeat(10)} ${TOKEN}`;
  return {
    at: new Date(1_767_225_600_000),
    hostname: 'buildbox',
    answers: {
      'status.json': {
        node: {
          name: 'laptop',
          id: NODE_ID,
          network: 'acme',
          addresses: ['fd7a:1234::5'],
          listen: '203.0.113.77:47247',
        },
        groups: [{ name: 'paris-office', id: NODE_ID }],
        peers: [{ name: 'gateway7', path: { endpoint: '192.168.7.9:47247', text: say('path') } }],
        server: { url: 'https://gms.example.org:47247/' },
        health: [{ code: 'unknown-peer', text: say('health') }],
      },
      'pit.json': { entries: [{ source: 'fd7a:1234::5', peer: 'gateway7', group: 'paris-office' }] },
      'explain.json': [{ source: { asked: 'laptop', node: 'laptop' }, text: say('explain') }],
    },
    settings: {
      name: 'laptop',
      server: ['gms.example.org:47247'],
      peer: ['gateway7=192.168.7.9:1'],
      bundle: ['', 'home', 'alice', 'b'].join('/'),
      join: TOKEN,
    },
    log: [
      JSON.stringify({ event: 'member-removed', member: 'gateway7', address: '192.168.7.9:47247', text: say('log') }),
      `not JSON: ${say('line')} gsk1-7K3QD-0M5XW-8ZP2R-V4JTN-C6B1H-YG9SF`,
      JSON.stringify({ event: 'x', url: 'postgres://u:hunter2@gms.example.org/' }),
    ],
    texts: {
      'metrics.txt':
        'gscip_peer_bytes_total{peer="gateway7",direction="sent"} 5\ngscip_group_key_version{group="paris-office"} 2\n',
      'ip.txt':
        'link/ether 52:54:00:ab:cd:ef\ninet 192.168.7.9/24 inet6 fd7a:1234::5/128\n203.0.113.77 via 192.168.7.9',
      'nft.txt': 'elements = { 192.168.7.9, 203.0.113.77-203.0.113.78 }',
      kernel: '6.1.0',
    },
  };
}

const textOf = (redact: boolean) =>
  bundleFiles(collected(), { redact }).map(({ name, bytes }) => [name, Buffer.from(bytes).toString()] as const);

describe('a debug bundle', () => {
  it('holds no name, address, id or secret of the machine', () => {
    const files = textOf(true);
    const found = files.flatMap(([name, text]) =>
      [...PRIVATE, ...SECRETS]
        .filter((each) => text.toLowerCase().includes(each.toLowerCase()))
        .map((each) => `${each} in ${name}`),
    );
    expect(found).toEqual([]);
    // the search would find them: they are all in what was collected
    const all = JSON.stringify(collected());
    for (const each of [...PRIVATE, ...SECRETS]) expect(all).toContain(each);
  });

  it('with --no-redact holds names and addresses, and still no secret', () => {
    const all = textOf(false)
      .map(([, text]) => text)
      .join('');
    for (const each of PRIVATE) expect(all).toContain(each);
    for (const each of SECRETS) expect(all).not.toContain(each);
  });

  it('says the same of the same in every file, and lists what was replaced', () => {
    const files = new Map(textOf(true));
    const status: unknown = JSON.parse(files.get('gscip-debug/status.json') ?? '');
    expect(status).toMatchObject({
      node: { name: 'node-1' },
      peers: [{ name: 'node-2' }],
      health: [{ code: 'unknown-peer' }],
    });
    expect(files.get('gscip-debug/metrics.txt')).toContain('gscip_peer_bytes_total{peer="node-2",direction="sent"} 5');
    const redacted: unknown = JSON.parse(files.get('gscip-debug/redacted.json') ?? '');
    expect(redacted).toMatchObject({ schema: 1, pseudonyms: true });
    const kinds = JSON.stringify(redacted);
    for (const kind of ['node', 'group', 'network', 'host', 'user', 'id', 'mac', 'secret', 'public4', 'private6'])
      expect(kinds).toContain(`"kind":"${kind}"`);
  });

  it('is an archive that tar reads', () => {
    const archive = tarArchive(bundleFiles(collected(), { redact: true }), 1_767_225_600);
    const listed = execFileSync('tar', ['-tvf', '-'], {
      input: archive,
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    expect(listed).toMatch(/^-rw------- .* 2026-01-01 00:00 gscip-debug\/README.txt$/m);
    const text = execFileSync('tar', ['-xOf', '-', 'gscip-debug/redacted.json'], { input: archive, encoding: 'utf8' });
    expect(JSON.parse(text)).toMatchObject({ schema: 1 });
  });
});
