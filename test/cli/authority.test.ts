import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import { openBundle } from '../../src/crypto/bundle-verify.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { json, run } from './cli-run.ts';

let root: string;
let net: string;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'gscip-cli-'));
  net = join(root, 'net');
  expect(await authority('init', net, '--network', 'home')).toMatchObject({ status: 0, stderr: '' });
  expect(await authority('group', 'add', net, 'lab')).toMatchObject({ status: 0, stderr: '' });
});
afterEach(() => rmSync(root, { recursive: true }));

function authority(...words: readonly string[]) {
  return run(['authority', ...words]);
}

function file(name: string): string {
  return join(root, `${name}.gscip`);
}

function add(name: string, ...more: readonly string[]) {
  return authority('node', 'add', net, name, '--groups', 'lab', '--out', file(name), ...more);
}

function openFile(name: string) {
  const bundle = openBundle(nodeProvider, readFileSync(file(name)), unixSeconds(Date.now() / 1000));
  if (typeof bundle === 'string') throw new Error(bundle);
  return bundle;
}

describe('gscip authority', () => {
  it('makes a node and its bundle, for its owner alone, and says what to do next', async () => {
    const { status, stdout } = await add('alice');
    expect(status).toBe(0);
    expect(stdout).toMatch(/Added alice \(ges, op\) with 100\.64\.0\.1 and fd/);
    expect(stdout).toContain(`sudo gscip up --bundle ${file('alice')}`);
    expect(statSync(file('alice')).mode & 0o777).toBe(0o600);
    expect(openFile('alice').bundle.node.name).toBe('alice');
  });

  it('names the nodes whose bundles are old after a change', async () => {
    await add('alice');
    expect((await add('bob')).stdout).toContain(`gscip authority bundle ${net} alice --out alice.gscip`);
    expect(json(await authority('group', 'roll', net, 'lab', '--json'))).toMatchObject({ outdated: ['alice', 'bob'] });
    expect(json(await authority('node', 'remove', net, 'bob', '--json'))).toMatchObject({
      removed: 'bob',
      groups: ['lab'],
      outdated: ['alice'],
    });
  });

  it('says of a removal whom it parts until the others have their bundles, and how to go on', async () => {
    for (const name of ['alice', 'bob', 'carol']) await add(name);
    const { stdout } = await authority('node', 'remove', net, 'bob');
    expect(stdout).toContain('Machines that have their new bundle and machines that have not lose each other');
    expect(stdout).toMatch(/within about 200 s/);
    expect(stdout).toContain('gscip key reload');
    for (const name of ['alice', 'carol']) expect(stdout).toContain(`gscip authority bundle ${net} ${name} --out`);
    await authority('node', 'remove', net, 'carol');
    // with one node left there is nobody to lose
    expect((await authority('node', 'remove', net, 'alice')).stdout).not.toContain('lose each other');
  });

  it('writes a bundle again over the old one, with both key versions after a roll', async () => {
    await add('alice');
    await authority('group', 'roll', net, 'lab', '--activate-in', '2h');
    expect(await authority('bundle', net, 'alice', '--out', file('alice'))).toMatchObject({ status: 0 });
    expect(openFile('alice').groups[0]?.versions.map(({ v }) => v)).toEqual([2, 3]);
  });

  it('lists groups and nodes', async () => {
    await add('alice', '--type', 'gen', '--mode', 'cl', '--route', '10.1.0.0/16', 'fd01::/48');
    expect(json(await authority('list', net, '--json'))).toMatchObject({
      schema: 1,
      network: 'home',
      pool: '100.64.0.0/10',
      groups: [{ name: 'lab', version: 2, next: null, members: ['alice'] }],
      nodes: [{ name: 'alice', type: 'gen', mode: 'cl', routes: ['10.1.0.0/16', 'fd01::/48'], groups: ['lab'] }],
    });
    expect((await authority('list', net)).stdout).toMatch(
      /\nlab +2 +- +alice\n[\s\S]*\nalice +gen +cl +100\.64\.0\.1 /,
    );
  });
});

describe('gscip authority refuses and changes nothing', () => {
  const rows: readonly (readonly [words: readonly string[], status: number, reason: RegExp])[] = [
    [['node', 'add', 'NET', 'bob', '--groups', 'lba', '--out', 'bob.gscip'], 1, /no group "lba"[\s\S]*lab/],
    [['node', 'add', 'NET', 'alice', '--groups', 'lab', '--out', 'x.gscip'], 1, /"alice" exists already/],
    [['node', 'add', 'NET', 'bob', '--groups', 'lab', '--out', 'no/such/b'], 1, /does not exist[\s\S]*mkdir/],
    [
      ['node', 'add', 'NET', 'bob', '--groups', 'lab', '--out', 'notes'],
      1,
      /notes exists and is no bundle of this node/,
    ],
    [['node', 'add', 'NET', 'bob', '--groups', 'lab', '--out', 'alice.gscip'], 1, /is no bundle of this node/],
    [['node', 'add', 'NET', 'bob', '--groups', 'lab', '--type', 'gex', '--out', 'b'], 2, /gex.*ges, gen, gea/],
    [['node', 'add', 'NET', 'bob', '--out', 'b'], 2, /--groups/],
    [['node', 'add', 'NET', 'b b', '--groups', 'lab', '--out', 'b'], 2, /cannot be a node's name/],
    [['node', 'add', 'NET', 'bob', '--groups', 'lab', '--out', 'b', '--adress', '100.64.0.9'], 2, /--address/],
    [['node', 'remove', 'NET', 'carol'], 1, /no node "carol"[\s\S]*alice/],
    [['group', 'add', 'NET', 'lab'], 1, /exists already/],
    [['group', 'roll', 'NET', 'lab', '--activate-in', 'soon'], 2, /60s, 5m/],
    [['group', 'roll', 'NET', 'lab', '--activate-in', '31d'], 2, /at most 30 days/],
    [['init', 'NET', '--network', 'other'], 1, /holds an authority already/],
    [['init', 'new', '--network', 'other', '--pool', '10.0.0.5/8'], 2, /10\.0\.0\.0\/8/],
    [['list', 'nowhere'], 1, /holds no authority[\s\S]*authority init/],
  ];

  it.each(rows)('%j', async (words, status, reason) => {
    await add('alice');
    writeFileSync(join(root, 'notes'), 'mine');
    const before = [readFileSync(join(net, 'authority.cbor')), readFileSync(file('alice'))];
    const isPath = (word: string) => word === 'NET' || /^(notes|b|no\/such\/b|new|nowhere|.*\.gscip)$/.test(word);
    const result = await authority(
      ...words.map((word) => (isPath(word) ? join(root, word.replace('NET', 'net')) : word)),
    );
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(reason);
    expect([readFileSync(join(net, 'authority.cbor')), readFileSync(file('alice'))]).toEqual(before);
    expect(['bob.gscip', 'b', 'new', 'x.gscip'].filter((name) => existsSync(join(root, name)))).toEqual([]);
  });

  it('unless --force is given for a file that is something else', async () => {
    writeFileSync(file('alice'), 'mine');
    expect(await add('alice')).toMatchObject({ status: 1 });
    expect(await add('alice', '--force')).toMatchObject({ status: 0 });
    expect(openFile('alice').bundle.node.name).toBe('alice');
  });
});

describe('help', () => {
  it.each([
    'authority init',
    'authority group add',
    'authority group roll',
    'authority node add',
    'authority node remove',
    'authority bundle',
    'authority list',
    'key code',
    'key enter',
    'key reload',
  ])('of %s has an example', async (verb) => {
    const { status, stdout } = await run([...verb.split(' '), '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: gscip ${verb} [\\s\\S]*\\nExamples:\\n +(sudo )?gscip ${verb}`));
  });
});
