import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GscipError } from '../../src/base/errors.ts';
import {
  DEFAULTS,
  parseConfigFile,
  resolveConfig,
  settingsToKeep,
  type WrittenConfig,
} from '../../src/node/agent-config.ts';
import { parsePrefix } from '../../src/tun/prefix.ts';

/** What a call throws, which must be an error that a user can act on. */
function refusal(act: () => unknown): GscipError {
  try {
    act();
  } catch (error) {
    if (error instanceof GscipError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('what is kept for the next start', () => {
  it('holds no join token', () => {
    expect(settingsToKeep({ join: 'gsj1.secret', server: ['a:1'] })).toEqual({ server: ['a:1'] });
  });
});

describe('the configuration file', () => {
  it('may set everything', () => {
    const text = `
      bundle = "/etc/gscip/a.bundle"
      server = ["control.example", "[2001:db8::9]:443"]
      name = "laptop"
      always-on = true
      listen = "192.0.2.1:1000"
      peer = ["b=192.0.2.2:47247", "c=[2001:db8::3]:1"]
      state = "/var/lib/x"
      socket = "/run/x.sock"
      tun = "ov0"
      mtu = 1380
      log-level = "debug"
      flows = 2048
      flows-per-peer = 100
      new-flows-per-second = 50
      snat = true
      transit = ["wan0", "wan1"]
      home = ["192.168.7.0/24"]`;
    expect(resolveConfig(parseConfigFile(text, 'f'))).toEqual({
      given: new Set(),
      bundle: '/etc/gscip/a.bundle',
      join: undefined,
      dns: true,
      workers: undefined,
      servers: ['control.example:47247', '[2001:db8::9]:443'],
      name: 'laptop',
      alwaysOn: true,
      listen: { address: '192.0.2.1', port: 1000 },
      peers: new Map([
        ['b', '192.0.2.2:47247'],
        ['c', '[2001:db8::3]:1'],
      ]),
      state: '/var/lib/x',
      socket: '/run/x.sock',
      tun: 'ov0',
      mtu: 1380,
      logLevel: 'debug',
      flows: 2048,
      flowsPerPeer: 100,
      newFlowsPerSecond: 50,
      rekeyAfter: 128,
      warmUp: true,
      portMapping: true,
      snat: true,
      transit: ['wan0', 'wan1'],
      home: [parsePrefix('192.168.7.0/24')],
    });
  });

  it.each([
    ['mtuu = 1400', 'there is no setting "mtuu"', '"mtu"'],
    ['liste = "1"', 'there is no setting "liste"', '"listen"'],
    ['log_level = "info"', 'there is no setting "log_level"', '"log-level"'],
    ['constructor = 1', 'there is no setting "constructor"', 'did you mean'],
    ['[peer]\nb = "x"', '"peer" must be a list of texts', 'peer = ['],
    ['peer = "b=192.0.2.2:1"', '"peer" must be a list of texts', 'peer = ['],
    ['peer = [1]', '"peer" must be a list of texts', 'peer = ['],
    ['always-on = 1', '"always-on" must be true or false', 'always-on = true'],
    ['mtu = "1400"', '"mtu" must be a number', 'mtu = 1400'],
    ['tun = 5', '"tun" must be a text', 'tun = "gscip0"'],
    ['tun = ', 'is not valid TOML', 'mend'],
    ['a = 1\na = 2', 'is not valid TOML', 'mend'],
  ])('is refused with %j, and what is meant is told', (text, message, remedy) => {
    const error = refusal(() => parseConfigFile(text, 'gscip.toml'));
    expect(error.code).toBe('bad-config');
    expect(error.message).toContain('gscip.toml');
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\n');
    expect(error.remedy).toContain(remedy);
  });

  it('is read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'mtu="[]\n 1.peer#,{}') })), (text) => {
        try {
          parseConfigFile(text, 'f');
        } catch (error) {
          expect(error).toBeInstanceOf(GscipError);
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('the configuration', () => {
  it('has a value for everything when nothing is written', () => {
    expect(resolveConfig({})).toEqual({
      given: new Set(),
      bundle: undefined,
      join: undefined,
      dns: true,
      workers: undefined,
      servers: [],
      name: undefined,
      alwaysOn: false,
      listen: { address: undefined, port: 47_247 },
      peers: new Map(),
      state: DEFAULTS.state,
      socket: DEFAULTS.socket,
      tun: 'gscip0',
      mtu: 1_400,
      logLevel: 'info',
      flows: 65_536,
      flowsPerPeer: 8_192,
      newFlowsPerSecond: 1_000,
      rekeyAfter: 128,
      warmUp: true,
      portMapping: true,
      snat: false,
      transit: [],
      home: [],
    });
  });

  it('names what was given by flags', () => {
    const { given } = resolveConfig({ tun: 'ov0', mtu: 1_350 }, { mtu: 1_350 });
    expect(given).toEqual(new Set(['mtu']));
  });

  it('gives a peer an eighth of the flows, at least 1,024', () => {
    expect(resolveConfig({ flows: 1_024 }).flowsPerPeer).toBe(1_024);
    expect(resolveConfig({ flows: 80_000 }).flowsPerPeer).toBe(10_000);
  });

  it.each([
    ['47247', undefined, 47_247],
    [':47247', undefined, 47_247],
    ['*:1', undefined, 1],
    ['0', undefined, 0],
    ['0.0.0.0:5', '0.0.0.0', 5],
    ['[::]:5', '::', 5],
    ['[2001:db8::1]:65535', '2001:db8::1', 65_535],
  ])('listens on %s', (listen, address, port) => {
    expect(resolveConfig({ listen }).listen).toEqual({ address, port });
  });

  const refused: readonly (readonly [WrittenConfig, string])[] = [
    [{ listen: '' }, 'listen'],
    [{ listen: '65536' }, 'listen'],
    [{ listen: '123456' }, 'listen'],
    [{ listen: 'host:1' }, 'listen'],
    [{ listen: '1.2.3:5' }, 'listen'],
    [{ listen: '1.2.3.4' }, 'listen'],
    [{ listen: '::1:5' }, 'listen'],
    [{ listen: '[::1]' }, 'listen'],
    [{ listen: '[1.2.3.4]:5' }, 'listen'],
    [{ listen: '-1' }, 'listen'],
    [{ peer: ['b'] }, 'endpoint'],
    [{ peer: ['=192.0.2.1:1'] }, 'endpoint'],
    [{ peer: ['b=host:1'] }, 'endpoint'],
    [{ peer: ['b=192.0.2.1'] }, 'endpoint'],
    [{ peer: ['b=192.0.2.1:99999'] }, 'endpoint'],
    [{ tun: '' }, 'interface name'],
    [{ tun: 'a'.repeat(16) }, 'interface name'],
    [{ tun: '../x' }, 'interface name'],
    [{ tun: 'a b' }, 'interface name'],
    [{ tun: '-x' }, 'interface name'],
    [{ tun: 'all' }, 'interface name'],
    [{ tun: 'default' }, 'interface name'],
    [{ listen: '10.0.0.1:00005' }, 'listen'],
    [{ mtu: 1_279 }, 'mtu'],
    [{ mtu: 9_001 }, 'mtu'],
    [{ mtu: 1_400.5 }, 'mtu'],
    [{ mtu: Number.NaN }, 'mtu'],
    [{ 'log-level': 'loud' }, 'log level'],
    [{ flows: 10 }, 'flows'],
    [{ flows: 5_000_000 }, 'flows'],
    [{ 'flows-per-peer': 1 }, 'flows-per-peer'],
    [{ 'new-flows-per-second': 0 }, 'new-flows-per-second'],
  ];
  it.each(refused)('is refused with %j', (written, message) => {
    const error = refusal(() => resolveConfig(written));
    expect(error.code).toBe('bad-config');
    expect(error.message).toContain(message);
    expect(error.remedy).not.toBe('');
  });
});
