import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Lab } from '../../src/cli/lab/lab.ts';
import { Overlay } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { GROUP, GSCIP, PORT, pings, settled, TwoNodes } from './two-nodes.ts';

let lab: Lab;
let nodes: TwoNodes;
beforeAll(() => {
  lab = new Lab();
  nodes = new TwoNodes(lab);
});
afterAll(() => lab.close());

/** Names and contents of a folder; of none that is not there. */
function contents(folder: string): readonly (readonly [string, string])[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'base64')]);
}

/** All devices, addresses and routes of the machine of node a. */
function machine(): string {
  const { namespace } = nodes.a;
  return [['addr'], ['route', 'show', 'table', 'all'], ['-6', 'route']].map((words) => namespace.ip(...words)).join('');
}

let tries = 0;

/** Words of `gscip up` for node a, with a fresh folder of state; later ones win. */
function up(...words: readonly string[]): readonly string[] {
  const state = join(lab.folder, `state${++tries}`);
  return ['up', '--state', state, '--socket', `${state}.sock`, '--bundle', nodes.a.bundle, ...words];
}

/** The value behind the last of the same options. */
function option(words: readonly string[], name: string): string {
  return words[words.lastIndexOf(name) + 1] ?? '';
}

/** Starts and expects the refusal: code, words, no stack, and nothing left behind. `wrap` stands in front of the program. */
async function refuses(
  code: number,
  text: RegExp,
  words: readonly string[],
  wrap: readonly string[] = [],
): Promise<void> {
  const [state, socket] = [option(words, '--state'), option(words, '--socket')];
  await settled(nodes.a.namespace);
  const before = { machine: machine(), state: contents(state), socket: existsSync(socket) };
  const done = await nodes.a.namespace.attempt([...wrap, ...GSCIP, ...words], { seconds: 20 });
  expect(done).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(text) });
  expect(done.stderr).not.toMatch(/^\s+at |internal error/m);
  if (code === 1) expect(done.stderr).toMatch(/^gscip: .+\n {7}\S/m); // cause, then remedy
  expect({ machine: machine(), state: contents(state), socket: existsSync(socket) }).toEqual(before);
}

/** Puts other words in front: runs the rest in a mount namespace after a command there. */
function mounting(command: string): readonly string[] {
  return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', `${command} && exec "$@"`, 'sh'];
}

describe('gscip up is refused', () => {
  it('without root', () => refuses(1, /needs root\n +run: sudo gscip up/, up(), ['unshare', '-U']));

  it('where root may not make devices', () =>
    refuses(1, /may not make the interface gscip0\n.*sudo/, up(), ['setpriv', '--bounding-set', '-net_admin']));

  it('without /dev/net/tun', () =>
    refuses(1, /there is no \/dev\/net\/tun\n.*modprobe tun/, up(), mounting('mount -t tmpfs none /dev/net')));

  it.each([
    [['link', 'add', 'gscip0', 'type', 'bridge']],
    [['tuntap', 'add', 'gscip0', 'mode', 'tun']],
  ])('when there is such an interface already: ip %j', async (make) => {
    nodes.a.namespace.ip(...make);
    try {
      await refuses(1, /there is an interface gscip0 already\n.*--tun NAME/, up());
    } finally {
      nodes.a.namespace.ip('link', 'del', 'gscip0');
    }
  });

  it('when the UDP port is in use', async () => {
    const other = nodes.a.namespace.start(['nc', '-u', '-l', '-k', '10.99.0.1', `${PORT}`]);
    await until('the other program', () => nodes.a.namespace.now('ss', ['-uln']).includes(`:${PORT}`));
    await refuses(1, new RegExp(`UDP port ${PORT} is in use.*\\n.*ss -ulnp.*--listen`), up());
    await other.stop();
  });

  it('when it is to listen on an address that the machine does not have', () =>
    refuses(1, /this machine has no address 192\.0\.2\.7\n.*ip addr/, up('--listen', `192.0.2.7:${PORT}`)));

  it.each([
    ['an address', ['addr', 'add', '100.100.1.1/32', 'dev', 'lo'], 'lo'],
    ['a network', ['addr', 'add', '100.127.0.1/16', 'dev', 'eth0'], 'eth0'],
    ['a route', ['route', 'add', '100.0.0.0/8', 'via', '10.99.0.2'], 'eth0'],
    ['a route to nowhere', ['route', 'add', 'blackhole', '100.65.0.0/16'], 'blackhole'],
  ])('when the pool overlaps %s of the machine', async (_, add, by) => {
    const { namespace } = nodes.a;
    namespace.ip(...add);
    try {
      await refuses(1, new RegExp(`100\\.64\\.0\\.0/10 overlaps 100\\..*, which ${by} has\\n.*--pool`), up());
    } finally {
      namespace.ip(...add.map((word) => (word === 'add' ? 'del' : word)));
    }
  });

  it('when the state folder cannot be made', async () => {
    const file = join(lab.folder, 'a-file');
    writeFileSync(file, '');
    await refuses(1, /cannot .*a-file\/state.*\n.*--state/, up('--state', join(file, 'state')));
  });

  it('when the state folder cannot be written', async () => {
    const folder = join(lab.folder, 'read-only');
    mkdirSync(folder, { mode: 0o700 });
    await refuses(
      1,
      /cannot write .*read-only\/.*EROFS.*\n.*--state/,
      up('--state', folder),
      mounting(`mount -t tmpfs -o ro,mode=700 none ${folder}`),
    );
  });

  it('when the disk of the state folder is full', async () => {
    const folder = join(lab.folder, 'full');
    mkdirSync(folder, { mode: 0o700 });
    const fill = `{ dd if=/dev/zero of=${folder}/fill bs=1k 2>/dev/null || true; }`;
    await refuses(
      1,
      /cannot write .*full\/.*ENOSPC.*\n.*make room/,
      up('--state', folder),
      mounting(`mount -t tmpfs -o size=16k,mode=700 none ${folder} && ${fill}`),
    );
  });

  it('when a newer release wrote the state folder', async () => {
    const folder = join(lab.folder, 'newer');
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, 'state.json'), '{"format":2,"release":"gscip 9.1.0"}');
    await refuses(
      1,
      /newer was written by gscip 9\.1\.0 in format 2; this is gscip [\d.]+, which reads format 1.*\n.*copy of the folder/,
      up('--state', folder),
    );
  });

  it('when others may change the state folder', async () => {
    const folder = join(lab.folder, 'open');
    mkdirSync(folder, { mode: 0o700 });
    await nodes.a.namespace.run(['chmod', '777', folder]);
    await refuses(
      1,
      /other users of the machine may change the folder .*open\n +run: chmod 700/,
      up('--state', folder),
    );
    expect(nodes.a.namespace.now('stat', ['-c', '%a', folder])).toBe('777\n'); // and it was not changed for them
  });

  it('when the control socket cannot be made', () =>
    refuses(1, /cannot listen on .*\n.*--socket PATH/, up('--socket', `/tmp/${'long'.repeat(40)}.sock`)));

  it('when --peer names nobody', () =>
    refuses(1, /"bb" is given an endpoint, but no other node.*\n +known are: b/, up('--peer', 'bb=10.99.0.2:47247')));

  it('when --peer names the node itself', () =>
    refuses(1, /"a" is given an endpoint, but no other node/, up('--peer', 'a=10.99.0.1:47247')));
});

describe('a command line is refused', () => {
  it.each([
    ['--listen', 'somewhere', /--listen.*"somewhere".*write ADDRESS:PORT/],
    ['--listen', '10.99.0.1:70000', /--listen.*70000/],
    ['--listen', 'fd99::1:47247', /--listen.*write ADDRESS:PORT, \[IPV6\]:PORT/],
    ['--peer', 'b', /--peer.*"b" names no peer's endpoint.*NAME=ADDRESS:PORT/],
    ['--peer', 'b=example.com:1', /--peer.*"b=example\.com:1"/],
    ['--mtu', '100', /--mtu.*"100" is not a whole number from 1280 to 9000/],
    ['--mtu', 'big', /--mtu.*"big"/],
    ['--tun', 'much-too-long-a-name', /--tun.*up to 15 letters/],
    ['--tun', 'all', /--tun.*"all" is no interface name/],
    ['--log-level', 'loud', /--log-level.*debug, info, warn or error/],
    ['--flows', '3', /--flows.*from 1024/],
    ['--budnle', 'x', /unknown option '--budnle'[\s\S]*--bundle/],
  ])('%s %s', (name, value, text) => refuses(2, text, up(name, value)));
});

describe('a configuration file is refused', () => {
  it.each([
    ['unknown-key', 'listenn = "47247"', /there is no setting "listenn"\n +did you mean "listen"\?/],
    ['wrong-kind', 'mtu = "1400"', /"mtu" must be a number\n +as in: mtu = 1400/],
    ['wrong-list', 'peer = "b=10.99.0.2:1"', /"peer" must be a list of texts\n +as in: peer = \[/],
    ['out-of-range', 'mtu = 100', /mtu = 100 is out of range\n +use 1280 to 9000/],
    ['bad-value', 'listen = "x"', /cannot listen on "x"\n +write ADDRESS:PORT/],
    ['no-toml', 'mtu = = 1', /is not valid TOML/],
  ])('%s', async (name, text, says) => {
    const file = join(lab.folder, `${name}.toml`);
    writeFileSync(file, `${text}\n`);
    await refuses(1, says, up('--config', file));
  });

  it('that is not there', () =>
    refuses(1, /cannot read \/no\/such\.toml.*\n +check that the file is there/, up('--config', '/no/such.toml')));
});

/** Writes something else beside the good bundle of node a and returns its path. */
function damaged(name: string, change: (good: Buffer) => Uint8Array): string {
  const file = join(lab.folder, `${name}.bundle`);
  writeFileSync(file, change(readFileSync(nodes.a.bundle)), { mode: 0o600 });
  return file;
}

describe('a bundle is refused', () => {
  it.each([
    [
      'cut off',
      'bundle-cut',
      (good: Buffer) => good.subarray(0, good.length / 2),
      /is no bundle.*cut off\n.*written again/,
    ],
    ['empty', 'bundle-empty', () => new Uint8Array(0), /is no bundle.*cut off/],
    ['lengthened', 'bundle-long', (good: Buffer) => Buffer.concat([good, good]), /something follows the bundle/],
    ['another file', 'bundle-text', () => Buffer.from('[Interface]\nAddress = 10.0.0.1\n'), /is not a GSCIP bundle/],
    [
      'changed by one bit',
      'bundle-bit',
      (good: Buffer) => good.map((byte, at) => (at === good.length >> 1 ? byte ^ 1 : byte)),
      /is no bundle for this node: .+\n.*written again/,
    ],
  ])('that is %s', (_, name, change, text) => refuses(1, text, up('--bundle', damaged(name, change))));

  it.each([
    ['years behind', -5, /not valid yet; check the clock/],
    ['years ahead', 30, /has expired, or the clock of this machine is wrong/],
  ])('on a machine whose clock is %s', (_, years, text) => {
    const script = `const right = Date.now; Date.now = () => right() + ${years * 365 * 86_400_000}`;
    const wrong = `NODE_OPTIONS=--import data:text/javascript,${encodeURIComponent(script)}`;
    return refuses(1, text, up(), ['env', wrong]);
  });

  it('that is not there', () => refuses(1, /there is no file \/no\/such\n.*--bundle/, up('--bundle', '/no/such')));

  it('that is a folder', () => refuses(1, /cannot read the bundle .*EISDIR.*\n.*path/, up('--bundle', lab.folder)));

  it('that never ends', () => refuses(1, /\/dev\/zero is no bundle/, up('--bundle', '/dev/zero')));

  it('when there is none at all', () => {
    const words = up();
    return refuses(
      1,
      /this node is in no network yet.*\n +join one with "gscip up --join TOKEN"/,
      words.slice(0, words.indexOf('--bundle')),
    );
  });
});

describe('a node that is a already', () => {
  let state: string;
  beforeEach(async () => {
    state = join(lab.folder, `state-of-a-${++tries}`);
    const running = nodes.a.namespace.start([...GSCIP, ...up('--state', state, '--socket', nodes.a.socket)]);
    await until(
      () => `a: ${running.stderr()}`,
      async () => (await nodes.a.status()).node.name === 'a',
    );
    await running.stop();
  });
  afterEach(() => nodes.overlay.rewriteBundle(nodes.a));

  it('refuses a bundle of another authority', async () => {
    const foreign = new Overlay(lab, [GROUP], { network: `foreign${tries}` });
    const bundle = join(lab.folder, `foreign${tries}.bundle`);
    foreign.authority('node add', 'a', '--groups', GROUP, '--out', bundle);
    await refuses(1, /another authority.*\n.*--state/, up('--state', state, '--bundle', bundle));
  });

  it("refuses another node's bundle", () =>
    refuses(
      1,
      /\(for "b"\) is no bundle.*another node.*\n.*--state/,
      up('--state', state, '--bundle', nodes.b.bundle),
    ));

  it('refuses an older bundle', async () => {
    const old = join(lab.folder, `old${tries}.bundle`);
    copyFileSync(nodes.a.bundle, old);
    nodes.overlay.roll(GROUP, '0s');
    nodes.overlay.rewriteBundle(nodes.a);
    const newer = nodes.a.namespace.start([...GSCIP, ...up('--state', state, '--socket', nodes.a.socket)]);
    await until('the newer one', async () => (await nodes.a.status()).node.name === 'a');
    await newer.stop();
    await refuses(1, /older than the one in use\n.*take the newest/, up('--state', state, '--bundle', old));
  });

  it('refuses to start from a damaged state', async () => {
    for (const text of ['', '{}', '{"admin":"x"}', '[', '\0\0\0']) {
      writeFileSync(join(state, 'kept.json'), text);
      await refuses(1, /kept\.json is damaged\n +restore it from a backup/, up('--state', state));
    }
  });
});

describe('a second agent', () => {
  it('is refused on the socket, the folder or the addresses of the first, which goes on', async () => {
    await nodes.up();
    const { a } = nodes;
    const already = /another agent answers on .*\n +stop it with "gscip down"/;
    await refuses(1, already, up('--socket', a.socket));
    await refuses(1, already, up('--socket', a.socket, '--tun', 'other0', '--listen', '47300'));
    const elsewhere = /overlaps 100\.64\.0\.0\/10, which gscip0 has/;
    await refuses(1, elsewhere, up('--state', a.state, '--tun', 'other0', '--listen', '47300'));
    expect(await pings(a, nodes.b)).toBe(true);
  });
});
