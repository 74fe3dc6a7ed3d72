import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockUnit, nodeUnit, type ServicePlan, serverUnit } from '../../../src/cli/service/unit-texts.ts';

const PLAN: ServicePlan = { node: process.execPath, main: '/usr/bin/true', state: '/var/lib/gscip', words: [] };
const NFT = '/usr/sbin/nft';

/** What systemd finds wrong in these units; '' where nothing is. */
function faults(units: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-units-'));
  try {
    for (const [name, text] of Object.entries(units)) writeFileSync(join(folder, name), text);
    const files = Object.keys(units).map((name) => join(folder, name));
    const done = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
    if (done.error) throw new Error('systemd-analyze is missing; install: sudo apt-get install systemd');
    return done.stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The words that systemd starts the service with. */
function started(unit: string): readonly string[] {
  const line = unit.split('\n').find((each) => each.startsWith('ExecStart=')) ?? '';
  const words = line.slice('ExecStart='.length).match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  // as systemd.service(5) says: quotes, then escapes, then specifiers and variables
  return words.map((word) =>
    word
      .replace(/^"(.*)"$/, '$1')
      .replace(/\\(.)/g, '$1')
      .replaceAll('%%', '%')
      .replaceAll('$$', '$'),
  );
}

describe('the units', () => {
  it('let a node write one file of /etc, and take out of it with full rights what is left there', () => {
    const lines = nodeUnit({ ...PLAN, state: '/srv/g s', words: ['--tun', 'x'] }).split('\n');
    expect(lines.filter((line) => line.includes('/etc/') && line.startsWith('ReadWrite'))).toEqual([
      'ReadWritePaths=-/etc/hosts',
    ]);
    expect(lines.filter((line) => line.startsWith('ExecStopPost='))).toEqual([
      `ExecStopPost=-+${process.execPath} /usr/bin/true dns undo --state "/srv/g s"`,
    ]);
  });

  it('are what systemd understands', () => {
    const units = {
      'gscip.service': nodeUnit({ ...PLAN, words: ['--name', 'a b'] }),
      'gscip-server.service': serverUnit({ ...PLAN, state: '/var/lib/gscip-server' }),
      'gscip-lock.service': lockUnit(PLAN, NFT),
    };
    expect(faults(units)).toBe('');
    expect(faults({ 'gscip.service': units['gscip.service'].replace('Type=notify', 'Type=notified') })).not.toBe('');
  });

  it.each([
    'plain',
    'two words',
    '100%',
    'a "quoted" one',
    '$HOME',
    'C:\\x',
    "it's",
  ])('hand on the word %j as it is', (word) => {
    expect(started(nodeUnit({ ...PLAN, words: ['--name', word] })).slice(3)).toEqual([
      'up',
      '--state',
      '/var/lib/gscip',
      '--name',
      word,
    ]);
  });

  it('let the node write into its folder, wherever that is', () => {
    expect(nodeUnit(PLAN)).toContain('StateDirectory=gscip\n');
    expect(nodeUnit({ ...PLAN, state: '/srv/g s' })).toContain('ReadWritePaths="/srv/g s"\n');
  });

  it('say that the node is ready by notice, wait for its first start without end, and bring it back', () => {
    const text = nodeUnit(PLAN);
    for (const line of ['Type=notify', 'TimeoutStartSec=infinity', 'Restart=on-failure', 'WatchdogSec=60'])
      expect(text).toContain(`\n${line}\n`);
  });

  it('lock a closed node before the network, and do nothing where the node is open', () => {
    const text = lockUnit(PLAN, NFT);
    expect(text).toContain('\nBefore=network-pre.target');
    expect(text).toContain('\nDefaultDependencies=no\n');
    expect(text).toContain('\nConditionPathExists=/var/lib/gscip/lock.nft\n');
    expect(text).toContain(`\nExecStart=${NFT} -f /var/lib/gscip/lock.nft\n`);
  });

  it('hold no more rights than the network takes', () => {
    const said = execFileSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
    expect(said).toContain('systemd');
    for (const text of [nodeUnit(PLAN), serverUnit(PLAN)]) {
      const [, rights = ''] = /^CapabilityBoundingSet=(.*)$/m.exec(text) ?? [];
      expect(rights.split(' ')).not.toContain('CAP_SYS_ADMIN');
      expect(text).toContain('\nNoNewPrivileges=yes\n');
    }
  });
});
