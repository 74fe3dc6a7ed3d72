import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathAddress } from '../../../src/base/path-address.ts';
import { type NotePlace, undoLeftNames } from '../../../src/node/names/left-names.ts';
import { Names, type NamesMachine, type NamesParts } from '../../../src/node/names/names.ts';
import type { ResolverFacts } from '../../../src/node/names/resolver-choice.ts';
import { type RunProgram, resolverDoor } from '../../../src/node/names/resolver-door.ts';
import { StateDir } from '../../../src/node/state-dir.ts';
import { member, POOL, table } from './members.ts';

const FACTS: ResolverFacts = {
  place: 'machine',
  resolvConf: 'nameserver 127.0.0.53\n',
  nsswitch: undefined,
  resolvconfSettings: undefined,
  hasResolved: true,
  hasResolvconf: false,
};
const HOSTS_ONLY = { ...FACTS, hasResolved: false };
const SERVER = pathAddress('100.64.0.1:53');

/** A machine with a hosts file, and programs that note what they are told. */
class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'gscip-names-'));
  readonly hosts = join(this.folder, 'hosts');
  readonly state = new StateDir(join(this.folder, 'state'));
  readonly ran: string[] = [];
  readonly logged: string[] = [];
  facts = FACTS;
  isOn = true;
  broken: string | undefined;
  members = [member('a', 1), member('b', 2)];

  constructor() {
    writeFileSync(this.hosts, '127.0.0.1 localhost\n');
  }

  readonly run: RunProgram = (program, args, input) => {
    if (this.broken === program) return Promise.reject(new Error(`${program} failed`));
    this.ran.push([program, ...args, ...(input ? [JSON.stringify(input)] : [])].join(' '));
    return Promise.resolve();
  };

  names(): Names {
    return new Names(...this.parts(this.state));
  }

  parts(state: NotePlace): [NamesParts, NamesMachine] {
    return [
      {
        ...{
          isOn: () => this.isOn,
          tun: 'gscip0',
          state,
          network: () => 'home',
          pool: () => POOL.slice(1),
        },
        log: { log: (_, event) => void this.logged.push(event) },
        members: () => this.members,
        count: () => undefined,
      },
      {
        facts: () => this.facts,
        door: (mode, tun) => resolverDoor(mode, tun, this.run, this.hosts),
        listen: () => Promise.resolve({ at: SERVER, close: () => undefined }),
      },
    ];
  }

  get text(): string {
    return readFileSync(this.hosts, 'utf8');
  }
}

function fail(): never {
  throw new Error('no space left on device');
}

let machine: Machine;
beforeEach(() => {
  machine = new Machine();
});
afterEach(() => rmSync(machine.folder, { recursive: true }));

const ZONE = 'a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa';
const TOLD = [
  'resolvectl default-route gscip0 false',
  `resolvectl domain gscip0 home.gscip ~${ZONE}`,
  'resolvectl llmnr gscip0 no',
  'resolvectl mdns gscip0 no',
  'resolvectl dnssec gscip0 no',
  'resolvectl dnsovertls gscip0 no',
  'resolvectl dns gscip0 100.64.0.1',
];

describe('names of members', () => {
  it('are given to systemd-resolved for their own domain alone, the server last, and once', async () => {
    const names = machine.names();
    await names.follow();
    machine.members = [...machine.members, member('c', 3)];
    await names.follow();
    expect(machine.ran).toEqual(TOLD);
    expect(names.status()).toEqual({ mode: 'resolved', domain: 'home.gscip', names: 3, server: SERVER, unnamed: [] });
    await names.close();
    expect(machine.ran.slice(TOLD.length)).toEqual(['resolvectl revert gscip0']);
    expect([machine.text, machine.state.text('names')]).toEqual(['127.0.0.1 localhost\n', undefined]);
  });

  it('go into the hosts file where that fails, and come out of it when the resolver is there again', async () => {
    machine.broken = 'resolvectl';
    const names = machine.names();
    await names.follow();
    expect([names.status().mode, names.health()]).toEqual(['hosts', []]);
    expect(machine.text).toContain('100.64.0.2 b.home.gscip b\n');
    machine.broken = undefined;
    machine.facts = { ...FACTS, nsswitch: 'hosts: resolve' };
    await names.follow();
    expect(names.status().mode).toBe('hosts'); // the same ways are open as before
    machine.facts = HOSTS_ONLY;
    await names.follow();
    machine.facts = FACTS;
    await names.follow();
    expect([names.status().mode, machine.text]).toEqual(['resolved', '127.0.0.1 localhost\n']);
    await names.close();
  });

  it('in the hosts file follow the members, and come back where somebody takes them out', async () => {
    machine.facts = HOSTS_ONLY;
    const names = machine.names();
    await names.follow();
    machine.members = [member('a', 1), member('c', 3)];
    await names.follow();
    expect([machine.text.includes('b.home'), machine.text.includes('100.64.0.3 c.home.gscip c')]).toEqual([
      false,
      true,
    ]);
    writeFileSync(machine.hosts, '127.0.0.1 localhost\n10.0.0.1 mine\n');
    await names.follow();
    expect(machine.text).toMatch(/^127.0.0.1 localhost\n10.0.0.1 mine\n# gscip gscip0: begin\n/);
    await names.close();
    expect(machine.text).toBe('127.0.0.1 localhost\n10.0.0.1 mine\n');
  });

  it('are taken back when they are switched off, and come again when they are switched on', async () => {
    machine.facts = HOSTS_ONLY;
    const names = machine.names();
    const before = machine.text;
    await names.follow();
    const written = machine.text;
    machine.isOn = false;
    await names.follow();
    expect(names.status()).toEqual({ mode: 'off', domain: 'home.gscip', names: 0, server: null, unnamed: [] });
    expect([machine.text, machine.state.text('names')]).toEqual([before, undefined]);
    machine.isOn = true;
    await names.follow();
    expect([machine.text, names.status().server]).toEqual([written, SERVER]);
    await names.close();
  });

  it('are left out of a machine whose files are read in other networks, too', async () => {
    machine.facts = { ...FACTS, place: 'apart' };
    const names = machine.names();
    await names.follow();
    expect(names.status()).toMatchObject({ mode: 'none', names: 2, server: SERVER });
    expect([machine.ran, machine.text, names.health()]).toEqual([[], '127.0.0.1 localhost\n', []]);
    await names.close();
  });

  it('that cannot be written are a health line, and are tried again', async () => {
    machine.facts = HOSTS_ONLY;
    rmSync(machine.hosts);
    symlinkSync('/proc/version', machine.hosts); // nobody can write there
    const names = machine.names();
    await names.follow();
    expect([names.status().mode, names.health().map(({ code }) => code)]).toEqual(['none', ['names-not-told']]);
    rmSync(machine.hosts);
    writeFileSync(machine.hosts, '');
    await names.follow();
    expect([names.status().mode, names.health()]).toEqual(['hosts', []]);
    await names.close();
    expect(machine.text).toBe('');
  });

  it('are a health line where the state folder cannot be written, and nothing is told that no note says', async () => {
    machine.facts = HOSTS_ONLY;
    const names = new Names(
      ...machine.parts({ writeText: () => fail(), discard: () => fail(), text: () => undefined }),
    );
    await names.follow();
    expect(names.health().map(({ code }) => code)).toEqual(['names-not-told']);
    await names.close();
    expect(machine.text).toBe('127.0.0.1 localhost\n');
  });

  it('that make no host name are a health line', async () => {
    machine.members = [member('a', 1), member('my_host', 2)];
    const names = machine.names();
    await names.follow();
    expect(names.health()).toEqual([{ code: 'no-host-name', text: expect.stringContaining('"my_host"') }]);
    await names.close();
  });
});

describe('after a crash', () => {
  it('the next start takes back what was told, also by another name of the interface', async () => {
    machine.facts = HOSTS_ONLY;
    await machine.names().follow();
    expect(machine.state.text('names')).toBe('{"modes":["hosts"],"tun":"gscip0"}');
    await machine.names().restoreLeft();
    expect([machine.text, machine.state.text('names'), machine.logged.at(-1)]).toEqual([
      '127.0.0.1 localhost\n',
      undefined,
      'names-left',
    ]);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['another shape', '[1]'],
    ['a way that there is not', '{"modes":["rm"],"tun":"gscip0"}'],
    ['no interface', '{"modes":["resolvconf"],"tun":"-f x"}'],
  ])('a note that holds %s leads nowhere', async (_, text) => {
    machine.state.writeText('names', text);
    expect(
      await undoLeftNames(machine.state, (mode, tun) => resolverDoor(mode, tun, machine.run, machine.hosts)),
    ).toEqual([]);
    expect([machine.ran, machine.text]).toEqual([[], '127.0.0.1 localhost\n']);
  });
});

describe('openresolv', () => {
  it('is given the domain for a server of its own, and only where that has the usual port', async () => {
    const door = resolverDoor('resolvconf', 'gscip0', machine.run, machine.hosts);
    await door.tell(table('home', 'a'), SERVER);
    await door.undo();
    expect(machine.ran).toEqual([
      `resolvconf -p -a gscip0.gscip ${JSON.stringify('search home.gscip\nnameserver 100.64.0.1\n')}`,
      'resolvconf -f -d gscip0.gscip',
    ]);
    await expect(door.tell(table('home', 'a'), pathAddress('100.64.0.1:5300'))).rejects.toThrow('port 53');
    await expect(door.tell(table('home', 'a'), undefined)).rejects.toThrow('could not open');
  });
});
