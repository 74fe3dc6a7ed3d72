import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { packaged } from './packaged.ts';
import { type Bed, configureDevices, INSIDE, type Peer } from './peer.ts';

const SOCKETS = '/var/run/wireguard';

/** Unlike namespaces its control sockets are the machine's, and named after the device. */
const device = (side: 'a' | 'b') => `wg${process.pid}${side}`;
const socket = (side: 'a' | 'b') => `${SOCKETS}/${device(side)}.sock`;

/** wireguard-go as the distribution packages it. */
export const wireguardGo: Peer = {
  ...packaged(['wireguard-go', 'wireguard-tools'], ['wireguard-go', 'wg']),
  ...running('wireguard-go', 'wireguard-go'),
};

/** Another wireguard-go, by its path. */
export function wireguardGoAt(path: string): Peer {
  return {
    version: () => runNow('sh', ['-c', '"$0" --version 2>&1 | head -1', path]).trim(),
    missing: () => (existsSync(path) ? undefined : `${path}, which is not there`),
    ...running('wireguard-go-new', path),
  };
}

function running(name: string, program: string): Pick<Peer, 'name' | 'prepare' | 'start' | 'cleanUp'> {
  return {
    name,
    prepare: async (bed) => {
      const keys = { a: runNow('wg', ['genkey']), b: runNow('wg', ['genkey']) };
      writeConfig(bed, 'a', keys.a, publicKey(keys.b), INSIDE.b, bed.bAddress);
      writeConfig(bed, 'b', keys.b, publicKey(keys.a), INSIDE.a, bed.aAddress);
      mkdirSync(SOCKETS, { recursive: true, mode: 0o700 });
    },
    start: async (bed) => {
      const start = (side: 'a' | 'b') =>
        bed[side].start([program, '-f', device(side)], {
          seconds: 3600,
          env: { LOG_LEVEL: 'error', WG_PROCESS_FOREGROUND: '1' },
        });
      const [aProcess, bProcess] = [start('a'), start('b')];
      for (const side of ['a', 'b'] as const) {
        await until(`the socket of ${device(side)}`, () => existsSync(socket(side)));
        bed[side].now('wg', ['setconf', device(side), configFile(bed, side)]);
      }
      await configureDevices(bed, device('a'), device('b'));
      return { address: INSIDE.b, aProcess, bProcess };
    },
    // it leaves them when it is ended by a signal
    cleanUp: () => {
      for (const side of ['a', 'b'] as const) rmSync(socket(side), { force: true });
    },
  };
}

function publicKey(secret: string): string {
  return runNow('wg', ['pubkey'], secret).trim();
}

function configFile(bed: Bed, side: 'a' | 'b'): string {
  return join(bed.lab.folder, `wireguard-${side}.conf`);
}

function writeConfig(bed: Bed, side: 'a' | 'b', secret: string, peer: string, inside: string, endpoint: string): void {
  const own = `[Interface]\nPrivateKey=${secret.trim()}\nListenPort=51820\n`;
  const other = `[Peer]\nPublicKey=${peer}\nAllowedIPs=${inside}/32\nEndpoint=${endpoint}:51820\n`;
  writeFileSync(configFile(bed, side), own + other, { mode: 0o600 });
}
