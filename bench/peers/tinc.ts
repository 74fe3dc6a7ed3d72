import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { packaged } from './packaged.ts';
import { type Bed, INSIDE, type Peer } from './peer.ts';

const DEVICE = 'tinc0';

/** tinc 1.0 in router mode, with the cipher that it comes with. */
export const tinc: Peer = {
  name: 'tinc',
  ...packaged(['tinc'], ['tincd']),
  prepare: async (bed) => {
    write(bed, 'a', 'b', bed.aAddress);
    write(bed, 'b', 'a', bed.bAddress);
    const host = (side: 'a' | 'b', of: 'a' | 'b') => join(folderOf(bed, side), 'hosts', of);
    copyFileSync(host('a', 'a'), host('b', 'a'));
    copyFileSync(host('b', 'b'), host('a', 'b'));
  },
  start: async (bed) => {
    const start = (side: 'a' | 'b') => {
      const folder = folderOf(bed, side);
      return bed[side].start(['tincd', '-c', folder, '-D', `--pidfile=${join(folder, 'pid')}`], { seconds: 3600 });
    };
    const [aProcess, bProcess] = [start('a'), start('b')];
    for (const side of ['a', 'b'] as const) await until(`${DEVICE} of ${side}`, () => bed[side].hasDevice(DEVICE));
    return { address: INSIDE.b, aProcess, bProcess };
  },
};

function folderOf({ lab }: Bed, side: 'a' | 'b'): string {
  return join(lab.folder, `tinc-${side}`);
}

function write(bed: Bed, side: 'a' | 'b', other: 'a' | 'b', endpoint: string): void {
  const folder = folderOf(bed, side);
  mkdirSync(join(folder, 'hosts'), { recursive: true, mode: 0o700 });
  const settings = [
    `Name = ${side}`,
    `ConnectTo = ${other}`,
    'DeviceType = tun',
    `Interface = ${DEVICE}`,
    'Mode = router',
    '',
  ];
  writeFileSync(join(folder, 'tinc.conf'), settings.join('\n'));
  const up = `#!/bin/sh\nip addr add ${INSIDE[side]}/24 dev $INTERFACE\nip link set $INTERFACE mtu ${bed.mtu} up\n`;
  writeFileSync(join(folder, 'tinc-up'), up, { mode: 0o755 });
  writeFileSync(join(folder, 'hosts', side), `Address = ${endpoint}\nSubnet = ${INSIDE[side]}/32\n`);
  runNow('sh', ['-c', `tincd -c ${folder} -K2048 </dev/null 2>/dev/null`]);
}
