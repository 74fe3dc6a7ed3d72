import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { packaged } from './packaged.ts';
import { type Bed, INSIDE, type Peer } from './peer.ts';

const DEVICE = 'neb0';
const PORT = 4242;

/** nebula with AES-256-GCM, two hosts that know each other's address. */
export const nebula: Peer = {
  name: 'nebula',
  ...packaged(['nebula'], ['nebula', 'nebula-cert']),
  prepare: async (bed) => {
    const folder = join(bed.lab.folder, 'nebula');
    mkdirSync(folder, { mode: 0o700 });
    const inFolder = (name: string) => join(folder, name);
    runNow('nebula-cert', ['ca', '-name', 'bench', '-out-crt', inFolder('ca.crt'), '-out-key', inFolder('ca.key')]);
    for (const side of ['a', 'b'] as const) {
      const files = ['-out-crt', inFolder(`${side}.crt`), '-out-key', inFolder(`${side}.key`)];
      const ca = ['-ca-crt', inFolder('ca.crt'), '-ca-key', inFolder('ca.key')];
      runNow('nebula-cert', ['sign', '-name', side, '-ip', `${INSIDE[side]}/24`, ...ca, ...files]);
    }
    writeFileSync(inFolder('a.yml'), config(bed, folder, 'a', INSIDE.b, bed.bAddress));
    writeFileSync(inFolder('b.yml'), config(bed, folder, 'b', INSIDE.a, bed.aAddress));
  },
  start: async (bed) => {
    const start = (side: 'a' | 'b') =>
      bed[side].start(['nebula', '-config', join(bed.lab.folder, 'nebula', `${side}.yml`)], { seconds: 3600 });
    const [aProcess, bProcess] = [start('a'), start('b')];
    for (const side of ['a', 'b'] as const) await until(`${DEVICE} of ${side}`, () => bed[side].hasDevice(DEVICE));
    return { address: INSIDE.b, aProcess, bProcess };
  },
};

function config(bed: Bed, folder: string, side: 'a' | 'b', inside: string, endpoint: string): string {
  return [
    `pki: {ca: ${folder}/ca.crt, cert: ${folder}/${side}.crt, key: ${folder}/${side}.key}`,
    `static_host_map: {"${inside}": ["${endpoint}:${PORT}"]}`,
    'lighthouse: {am_lighthouse: false, hosts: []}',
    `listen: {host: 0.0.0.0, port: ${PORT}}`,
    'cipher: aes',
    `tun: {dev: ${DEVICE}, mtu: ${bed.mtu}, tx_queue: 500}`,
    'logging: {level: warning, format: text}',
    'firewall:',
    '  outbound: [{port: any, proto: any, host: any}]',
    '  inbound: [{port: any, proto: any, host: any}]',
    '',
  ].join('\n');
}
