import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { packaged } from './packaged.ts';
import { type Bed, INSIDE, type Peer } from './peer.ts';

const DEVICE = 'fastd0';
const PORT = 10_000;

/** fastd with its fastest method of today. */
export const fastd: Peer = {
  name: 'fastd',
  ...packaged(['fastd'], ['fastd']),
  prepare: async (bed) => {
    const keys = { a: keyPair(bed, 'a'), b: keyPair(bed, 'b') };
    // one of the two begins: both at once leave a session that is dead
    write(bed, 'a', keys.a.secret, 'b', keys.b.shown, bed.aAddress, `remote ${bed.bAddress}:${PORT};`);
    write(bed, 'b', keys.b.secret, 'a', keys.a.shown, bed.bAddress, '');
  },
  start: async (bed) => {
    const start = (side: 'a' | 'b') =>
      bed[side].start(['fastd', '--config', file(bed, `${side}.conf`)], { seconds: 3600 });
    const [aProcess, bProcess] = [start('a'), start('b')];
    for (const side of ['a', 'b'] as const) await until(`${DEVICE} of ${side}`, () => bed[side].hasDevice(DEVICE));
    return { address: INSIDE.b, aProcess, bProcess };
  },
};

function file({ lab }: Bed, name: string): string {
  return join(lab.folder, `fastd-${name}`);
}

function keyPair(bed: Bed, side: 'a' | 'b'): { readonly secret: string; readonly shown: string } {
  const secret = runNow('sh', ['-c', 'fastd --generate-key --machine-readable 2>/dev/null']).trim();
  const config = file(bed, `${side}.key`);
  writeFileSync(config, `secret "${secret}";\n`, { mode: 0o600 });
  return {
    secret,
    shown: runNow('sh', ['-c', `fastd --show-key --machine-readable --config ${config} 2>/dev/null`]).trim(),
  };
}

function write(
  bed: Bed,
  side: 'a' | 'b',
  secret: string,
  other: 'a' | 'b',
  key: string,
  local: string,
  remote: string,
): void {
  const lines = [
    'mode tun;',
    `interface "${DEVICE}";`,
    `mtu ${bed.mtu};`,
    'method "salsa2012+umac";',
    `bind ${local}:${PORT};`,
    'log level error;',
    `secret "${secret}";`,
    `on up "ip addr add ${INSIDE[side]}/24 dev ${DEVICE}; ip link set ${DEVICE} mtu ${bed.mtu} up";`,
    `peer "${other}" { key "${key}"; ${remote} }`,
    '',
  ];
  writeFileSync(file(bed, `${side}.conf`), lines.join('\n'), { mode: 0o600 });
}
