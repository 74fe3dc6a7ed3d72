import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { packaged } from './packaged.ts';
import { type Bed, INSIDE, type Peer } from './peer.ts';

/** IPsec in userspace: ESP in UDP by strongSwan's kernel-libipsec, AES-128-GCM. Its device keeps an MTU of 1,400. */
export const strongswan: Peer = {
  name: 'strongswan',
  ...packaged(
    ['charon-systemd', 'strongswan-swanctl', 'libcharon-extra-plugins', 'libstrongswan-extra-plugins'],
    ['charon-systemd', 'swanctl'],
  ),
  prepare: async (bed) => {
    write(bed, 'a', 'b', bed.aAddress, bed.bAddress);
    write(bed, 'b', 'a', bed.bAddress, bed.aAddress);
  },
  start: async (bed) => {
    const start = (side: 'a' | 'b') => {
      bed[side].ip('addr', 'add', `${INSIDE[side]}/32`, 'dev', 'lo');
      const env = { STRONGSWAN_CONF: join(folderOf(bed, side), 'strongswan.conf') };
      return bed[side].start(['charon-systemd'], { seconds: 3600, env });
    };
    const [aProcess, bProcess] = [start('a'), start('b')];
    for (const side of ['a', 'b'] as const) {
      const socket = join(folderOf(bed, side), 'vici');
      await until(`the socket of charon at ${side}`, () => existsSync(socket));
      runNow('swanctl', [
        '--load-all',
        '--uri',
        `unix://${socket}`,
        '--file',
        join(folderOf(bed, side), 'swanctl.conf'),
      ]);
    }
    const initiate = ['--initiate', '--child', 'bench', '--timeout', '5'];
    runNow('swanctl', [...initiate, '--uri', `unix://${join(folderOf(bed, 'a'), 'vici')}`]);
    return { address: INSIDE.b, aProcess, bProcess };
  },
};

function folderOf({ lab }: Bed, side: 'a' | 'b'): string {
  return join(lab.folder, `strongswan-${side}`);
}

function write(bed: Bed, side: 'a' | 'b', other: 'a' | 'b', local: string, remote: string): void {
  const folder = folderOf(bed, side);
  mkdirSync(folder, { mode: 0o700 });
  const plugins = 'random nonce openssl sha2 hmac kdf gcm aes kernel-libipsec kernel-netlink socket-default vici';
  const daemon = `charon-systemd {\n load = ${plugins}\n plugins {\n vici {\n socket = unix://${folder}/vici\n }\n }\n}\n`;
  writeFileSync(join(folder, 'strongswan.conf'), daemon);
  const child = [`local_ts = ${INSIDE[side]}/32`, `remote_ts = ${INSIDE[other]}/32`, 'esp_proposals = aes128gcm16'];
  const lines = [
    'connections {',
    'bench {',
    'version = 2',
    `local_addrs = ${local}`,
    `remote_addrs = ${remote}`,
    'encap = yes',
    'proposals = aes128gcm16-prfsha256-ecp256',
    ...['local {', 'auth = psk', `id = ${side}`, '}'],
    ...['remote {', 'auth = psk', `id = ${other}`, '}'],
    ...['children {', 'bench {', ...child, '}', '}'],
    '}',
    '}',
    ...['secrets {', 'ike-bench {', 'secret = bench', 'id-a = a', 'id-b = b', '}', '}'],
    '',
  ];
  writeFileSync(join(folder, 'swanctl.conf'), lines.join('\n'), { mode: 0o600 });
}
