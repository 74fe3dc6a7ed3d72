import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { packaged } from './packaged.ts';
import { type Bed, INSIDE, type Peer } from './peer.ts';

const DEVICE = 'ovpn0';

/** openvpn in userspace, point to point over TLS, AES-256-GCM. */
export const openvpn: Peer = {
  name: 'openvpn',
  ...packaged(['openvpn', 'openssl'], ['openvpn', 'openssl']),
  prepare: async (bed) => {
    for (const side of ['a', 'b'] as const) {
      const files = ['-keyout', file(bed, `${side}.key`), '-out', file(bed, `${side}.crt`)];
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      runNow('sh', [
        '-c',
        ['openssl', 'req', '-x509', ...key, ...files, '-days', '2', '-subj', `/CN=${side}`, '2>&1'].join(' '),
      ]);
    }
    write(bed, 'a', 'b', bed.aAddress, bed.bAddress, ['tls-client']);
    write(bed, 'b', 'a', bed.bAddress, bed.aAddress, ['tls-server', 'dh none']);
  },
  start: async (bed) => {
    const start = (side: 'a' | 'b') => bed[side].start(['openvpn', file(bed, `${side}.conf`)], { seconds: 3600 });
    const [bProcess, aProcess] = [start('b'), start('a')];
    for (const side of ['a', 'b'] as const) await until(`${DEVICE} of ${side}`, () => bed[side].hasDevice(DEVICE));
    return { address: INSIDE.b, aProcess, bProcess };
  },
};

function file({ lab }: Bed, name: string): string {
  return join(lab.folder, `openvpn-${name}`);
}

function write(
  bed: Bed,
  side: 'a' | 'b',
  other: 'a' | 'b',
  local: string,
  remote: string,
  role: readonly string[],
): void {
  const fingerprint = new X509Certificate(readFileSync(file(bed, `${other}.crt`))).fingerprint256;
  const lines = [
    `dev ${DEVICE}`,
    'dev-type tun',
    'proto udp',
    `local ${local}`,
    `remote ${remote}`,
    'port 1194',
    `ifconfig ${INSIDE[side]} ${INSIDE[other]}`,
    `tun-mtu ${bed.mtu}`,
    'mssfix 0',
    ...role,
    `cert ${file(bed, `${side}.crt`)}`,
    `key ${file(bed, `${side}.key`)}`,
    `peer-fingerprint ${fingerprint}`,
    'data-ciphers AES-256-GCM',
    'cipher AES-256-GCM',
    'fast-io',
    'verb 1',
    '',
  ];
  writeFileSync(file(bed, `${side}.conf`), lines.join('\n'), { mode: 0o600 });
}
