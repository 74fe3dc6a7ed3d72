import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHosts, writeHosts } from '../../../src/node/names/hosts-file.ts';
import { hostsLines, MOST_HOSTS, withBlock, withoutBlock } from '../../../src/node/names/hosts-text.ts';
import { NameTable } from '../../../src/node/names/name-table.ts';
import { member, POOL, table } from './members.ts';

const LINES = ['100.64.0.2 bob.home.gscip bob'];
const BLOCK = '# gscip gscip0: begin\n100.64.0.2 bob.home.gscip bob\n# gscip gscip0: end\n';

describe('our lines in a hosts file', () => {
  it.each([
    ['a usual file', '127.0.0.1 localhost\n'],
    ['an empty one', ''],
    ['no file', undefined],
    ['a file without a line end', '127.0.0.1 localhost'],
    ['line ends of Windows', '127.0.0.1 localhost\r\n::1 localhost\r\n'],
    ['bytes of no encoding', 'ÿþ\u0000\n\n\n'],
    ['the block of another interface', `127.0.0.1 a\n${BLOCK.replaceAll('gscip0', 'gscip1')}`],
    ['lines of another VPN', '# BEGIN other\n100.100.0.1 x.other\n# END other\n'],
  ])('go in and out of %s to the byte', (_, text) => {
    const written = withBlock(text, 'gscip0', LINES);
    expect(written).toContain(LINES[0]);
    expect(withBlock(written, 'gscip0', LINES)).toBe(written);
    expect(withoutBlock(written, 'gscip0')).toBe(text);
    expect(withoutBlock(withBlock(written, 'gscip0', ['100.64.0.9 x.home.gscip']), 'gscip0')).toBe(text);
  });

  it('go in and out of anything to the byte', () => {
    const text = fc.array(fc.constantFrom('\n', 'a', '# gscip gscip0: end', '#', ' ', 'x.gscip'), { maxLength: 12 });
    fc.assert(
      fc.property(text, (parts) => {
        const before = parts.join('');
        expect(withoutBlock(withBlock(before, 'gscip0', LINES), 'gscip0')).toBe(before);
      }),
    );
  });

  it('leave what somebody wrote behind them', () => {
    expect(withoutBlock(`a\n${BLOCK}b\n`, 'gscip0')).toBe('a\nb\n');
    expect(withoutBlock(`${withBlock('a', 'gscip0', LINES)}b\n`, 'gscip0')).toBe('a\nb\n');
    expect(withoutBlock(`${withBlock(undefined, 'gscip0', LINES)}b\n`, 'gscip0')).toBe('b\n');
  });

  it('are known without their last line, and nothing else goes with them', () => {
    const cut = `a\n${BLOCK.replace('# gscip gscip0: end\n', '')}10.0.0.1 mine\n`;
    expect(withoutBlock(cut, 'gscip0')).toBe('a\n10.0.0.1 mine\n');
  });

  it('have the whole name first, both addresses, and no short name that the machine uses itself', () => {
    expect(hostsLines(table('home', 'alice', 'bob'), '127.0.0.1 localhost\n127.0.1.1\tAlice # me bob\n')).toEqual([
      '100.64.0.1 alice.home.gscip',
      'fd12:3456:789a::1 alice.home.gscip',
      '100.64.0.2 bob.home.gscip bob',
      'fd12:3456:789a::2 bob.home.gscip bob',
    ]);
  });

  it('are bounded', () => {
    const members = Array.from({ length: MOST_HOSTS + 1 }, (_, at) => member(`n${at}`, 1));
    expect(hostsLines(new NameTable('home', POOL, members), '')).toHaveLength(2 * MOST_HOSTS);
  });
});

describe('the hosts file', () => {
  let folder = '';
  let path = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gscip-hosts-'));
    path = join(folder, 'hosts');
    writeFileSync(path, 'a\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is replaced as a whole with its mode, and nothing else is left in the folder', () => {
    chmodSync(path, 0o604);
    const { ino } = statSync(path);
    writeHosts(path, 'a\nÿ\n');
    expect([...readFileSync(path)]).toEqual([97, 10, 255, 10]);
    expect([statSync(path).mode & 0o7777, statSync(path).ino === ino, readdirSync(folder)]).toEqual([
      0o604,
      false,
      ['hosts'],
    ]);
  });

  it('keeps its owner', () => {
    // only root gives files away; others may give theirs to another group of their own
    const own = statSync(path).uid;
    const [uid = own, gid = own] = own === 0 ? [12, 34] : [own, process.getgroups?.().at(-1)];
    chownSync(path, uid, gid);
    writeHosts(path, 'b\n');
    expect(statSync(path)).toMatchObject({ uid, gid });
  });

  it('is written where a link leads to, and the link stays', () => {
    const link = join(folder, 'link');
    symlinkSync(path, link);
    writeHosts(link, 'b\n');
    expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual(['b\n', ['hosts', 'link']]);
  });

  it('comes and goes where there was none', () => {
    const fresh = join(folder, 'fresh');
    expect(readHosts(fresh)).toBeUndefined();
    writeHosts(fresh, 'b\n');
    expect([readHosts(fresh), statSync(fresh).mode & 0o777]).toEqual(['b\n', 0o644]);
    writeHosts(fresh, undefined);
    expect(readdirSync(folder)).toEqual(['hosts']);
  });
});
