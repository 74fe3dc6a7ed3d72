import { describe, expect, it } from 'vitest';
import type { SettingChange } from '../../../src/api/settings.ts';
import { GscipError } from '../../../src/base/errors.ts';
import { parseChange } from '../../../src/cli/set.ts';
import { changeText } from '../../../src/cli/setting-text.ts';
import { DEFAULTS, parseConfigFile, resolveConfig, type WrittenConfig } from '../../../src/node/agent-config.ts';
import { SETTING_NAMES } from '../../../src/node/settings/setting-change.ts';
import { isLive, type LiveSetting, Settings, type SettingsPorts } from '../../../src/node/settings/settings.ts';

const KEPT = '/var/lib/gscip/config.toml';

interface Given {
  readonly written?: WrittenConfig;
  readonly options?: WrittenConfig;
  readonly file?: WrittenConfig;
  readonly apply?: SettingsPorts['apply'];
}

/** Settings of a node that runs, with what they told it, and files that can be edited. */
function running({ written = {}, options = {}, file, apply = () => Promise.resolve() }: Given = {}) {
  const applied: (readonly LiveSetting[])[] = [];
  const files = new Map<string, WrittenConfig>();
  if (file) files.set('/etc/gscip.toml', file);
  const all = { ...written, ...file, ...options };
  const settings = new Settings({
    written: all,
    options,
    file: file && { path: '/etc/gscip.toml', written: file },
    config: resolveConfig(all, options),
  });
  settings.attach({
    check: (fresh) => {
      if (fresh.peers.has('nobody')) throw new GscipError('unknown-peer', 'no such node');
    },
    keep: (text) => void files.set(KEPT, parseConfigFile(text, KEPT)),
    read: (path) => files.get(path) ?? {},
    apply: (changed) => {
      applied.push([...changed]);
      return apply(changed);
    },
  });
  const set = (...words: readonly string[]) => settings.change(words.map(parseChange));
  return { settings, set, applied, files, kept: () => files.get(KEPT) };
}

describe('a setting that is changed while the node runs', () => {
  it('takes effect at once where it can, and is kept without repeating the rest', async () => {
    const { settings, set, applied, kept } = running({ written: { tun: 'ov0', peer: ['b=192.0.2.2:1'] } });
    expect(await set('mtu=1380')).toEqual([
      { name: 'mtu', before: DEFAULTS.mtu, after: 1380, effect: 'now', overruledBy: null },
    ]);
    expect(settings.config).toMatchObject({ mtu: 1380, tun: 'ov0' });
    expect(applied).toEqual([['mtu']]);
    expect(kept()).toEqual({ tun: 'ov0', peer: ['b=192.0.2.2:1'], mtu: 1380 });
  });

  it('waits for the next start where it cannot, and get shows both values', async () => {
    const { settings, set, applied, kept } = running();
    expect(await set('listen=:4000')).toMatchObject([{ name: 'listen', after: '*:4000', effect: 'restart' }]);
    expect(settings.config.listen.port).toBe(47_247);
    expect(applied).toEqual([[]]);
    expect(kept()).toEqual({ listen: ':4000' });
    expect(settings.list('listen')).toEqual([
      { name: 'listen', value: '*:47247', next: '*:4000', isDefault: false, live: false },
    ]);
  });

  it('goes back to its default', async () => {
    const { settings, set, kept } = running({ written: { mtu: 1300 } });
    expect(await set('mtu=')).toMatchObject([{ before: 1300, after: DEFAULTS.mtu }]);
    expect([settings.config.mtu, kept()]).toEqual([DEFAULTS.mtu, {}]);
    expect(settings.list('mtu')).toMatchObject([{ value: DEFAULTS.mtu, isDefault: true }]);
  });

  const LIST = ['b=192.0.2.2:1', 'c=192.0.2.3:1'] as const;
  it.each<readonly [readonly string[], readonly string[] | undefined]>([
    [['peer+=d=192.0.2.4:1'], [...LIST, 'd=192.0.2.4:1']],
    [['peer-=b=192.0.2.2:1'], ['c=192.0.2.3:1']],
    [['peer=d=192.0.2.4:1'], ['d=192.0.2.4:1']],
    [
      ['peer=d=192.0.2.4:1', 'peer=e=192.0.2.5:1'],
      ['d=192.0.2.4:1', 'e=192.0.2.5:1'],
    ],
    [['peer+=b=192.0.2.2:1'], LIST],
    [['peer='], undefined],
  ])('is a list that %j makes %j', async (words, expected) => {
    const { set, kept } = running({ written: { peer: LIST } });
    await set(...words);
    expect(kept()?.peer).toEqual(expected);
  });

  it.each<readonly [readonly string[], string]>([
    [['mtuu=1300'], 'did you mean "mtu"'],
    [['join=gsj1.secret'], 'there is no setting "join"'],
    [['mtu=lots'], 'must be a whole number'],
    [['mtu=100'], 'out of range'],
    [['snat=perhaps'], 'true or false'],
    [['mtu+=1'], 'is no list'],
    [['peer-=b=192.0.2.2:1'], 'holds no'],
    [['log-level=debug', 'mtu=1'], 'out of range'],
    [['peer=nobody=192.0.2.2:1'], 'no such node'],
    [['mtu'], 'is no change'],
  ])('is refused as a whole: %j', async (words, why) => {
    const { settings, set, applied, kept } = running();
    const failed: unknown = await (async () => set(...words))().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(GscipError);
    if (failed instanceof GscipError) expect(`${failed.message}; ${failed.remedy}`).toContain(why);
    expect([applied, kept(), settings.config.logLevel]).toEqual([[], undefined, 'info']);
  });

  it('is taken back where the kernel refuses it', async () => {
    const apply = () => Promise.reject(new GscipError('ip-failed', 'no'));
    const { settings, set, kept } = running({ written: { mtu: 1300 }, apply });
    await expect(set('mtu=9000')).rejects.toMatchObject({ code: 'ip-failed' });
    expect([settings.config.mtu, kept(), settings.list('mtu')[0]?.next]).toEqual([1300, { mtu: 1300 }, 1300]);
  });

  it.each<readonly [Given, 'option' | 'file' | null]>([
    [{ options: { mtu: 1300 } }, 'option'],
    [{ file: { mtu: 1300 } }, 'file'],
    [{ file: { tun: 'ov0' } }, null],
  ])('says what will say otherwise at the next start: %j', async (given, overruledBy) => {
    const [changed] = await running(given).set('mtu=1380');
    expect(changed).toMatchObject({ overruledBy });
    expect(changed && changeText(changed).includes('wins at the next start')).toBe(overruledBy !== null);
  });

  it('of every name is shown', () => {
    expect(
      running()
        .settings.list()
        .map(({ name }) => name),
    ).toEqual(SETTING_NAMES);
    expect(SETTING_NAMES).not.toContain('join');
    expect(SETTING_NAMES.filter(isLive).length).toBeGreaterThan(8);
  });
});

describe('a file of settings that is read again', () => {
  it('changes what is another there, and nothing that was set since', async () => {
    const { settings, set, files } = running({ file: { mtu: 1300, tun: 'ov0', 'log-level': 'warn' } });
    await set('flows-per-peer=100');
    files.set('/etc/gscip.toml', { mtu: 1290, tun: 'ov1' });
    expect(await settings.reread(KEPT)).toMatchObject([
      { name: 'tun', after: 'ov1', effect: 'restart' },
      { name: 'mtu', before: 1300, after: 1290, effect: 'now', overruledBy: null },
      { name: 'log-level', after: 'info', effect: 'now' },
    ]);
    expect(settings.config).toMatchObject({ mtu: 1290, tun: 'ov0', logLevel: 'info', flowsPerPeer: 100 });
    expect(await settings.reread(KEPT)).toEqual([]);
  });

  it('gives way to options of the start', async () => {
    const { settings, files } = running({ file: { mtu: 1300 }, options: { mtu: 1310 } });
    files.set('/etc/gscip.toml', { mtu: 1290 });
    expect([await settings.reread(KEPT), settings.config.mtu]).toEqual([[], 1310]);
  });

  it('is the one in the state folder where no other was named', async () => {
    const { settings, set, files } = running();
    await set('mtu=1300');
    expect(await settings.reread(KEPT)).toEqual([]);
    files.set(KEPT, { mtu: 1310 });
    expect(await settings.reread(KEPT)).toMatchObject([{ name: 'mtu', after: 1310 }]);
  });

  it('changes nothing with a mistake in it', async () => {
    const { settings, files } = running({ file: { mtu: 1300 } });
    files.set('/etc/gscip.toml', { mtu: 7, 'log-level': 'debug' });
    await expect(settings.reread(KEPT)).rejects.toMatchObject({ code: 'bad-config' });
    expect(settings.config).toMatchObject({ mtu: 1300, logLevel: 'info' });
  });
});

describe('a change as it is typed', () => {
  it.each<readonly [string, SettingChange]>([
    ['mtu=1', { name: 'mtu', how: '=', value: '1' }],
    ['peer+=b=[2001:db8::1]:5', { name: 'peer', how: '+=', value: 'b=[2001:db8::1]:5' }],
    ['peer-=b=1.2.3.4:5', { name: 'peer', how: '-=', value: 'b=1.2.3.4:5' }],
    ['peer=b=1.2.3.4:5', { name: 'peer', how: '=', value: 'b=1.2.3.4:5' }],
    ['log-level=', { name: 'log-level', how: '=', value: '' }],
  ])('%s', (word, change) => {
    expect(parseChange(word)).toEqual(change);
  });
});
