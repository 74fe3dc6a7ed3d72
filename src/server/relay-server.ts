import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRelayToken, type RelayToken } from '../api/relay-token.ts';
import { millis } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { relaySecrets } from '../crypto/relay-link.ts';
import { writePrivately } from './authority/private-file.ts';
import { endpoints, sourcesServed, tellableHosts } from './datagram-place.ts';
import { openServerSocket } from './datagram-socket.ts';
import { parseListenAddress } from './listen-address.ts';
import { RELAY_RATES, type RelayRates } from './relay/relay-limits.ts';
import { RelayLinkShell } from './relay-link-shell.ts';
import { RelayShell } from './relay-shell.ts';

/** What a relay that runs apart is started with. */
export interface RelayServerOptions {
  /** folder that keeps the token */
  readonly state: string;
  /** "ADDR:PORT" or ":PORT", over UDP */
  readonly listen: string;
  /** "HOST:PORT" where nodes reach it; by default the addresses of this machine */
  readonly advertise?: readonly string[] | undefined;
  /** the token or a file with it; kept in the folder, so that a later start needs none */
  readonly token?: string | undefined;
  readonly rates?: RelayRates | undefined;
  readonly release: string;
  readonly log: Logger;
}

export interface RunningRelay {
  readonly port: number;
  readonly endpoints: readonly PathAddress[];
  readonly servers: readonly string[];
  close(): void;
}

const TOKEN_FILE = 'relay.token';

/** Starts a relay on a machine of its own: it learns from the servers that its token names who may use which channel. */
export async function startRelayServer(options: RelayServerOptions): Promise<RunningRelay> {
  const { log, advertise, release, rates = RELAY_RATES } = options;
  const listen = parseListenAddress(options.listen);
  const token = keptToken(options);
  const socket = await openServerSocket(listen, listen.port, true);
  const hosts = tellableHosts(advertise, listen, []);
  const told = endpoints(hosts, [socket.port]);
  const { link: psk, nodes } = relaySecrets(nodeProvider, token.secret);
  const deps = {
    ...{ provider: nodeProvider, random, relaySecret: nodes },
    // who is of the network is known by the channels that the servers allow
    members: { isActive: () => true },
    place: sourcesServed(listen, hosts, [socket.port]),
  };
  const relay = new RelayShell(deps, rates, socket, { now: monotonic, log, count: () => undefined }, undefined);
  const end = { provider: nodeProvider, random, id: token.id, psk, release, endpoints: () => told };
  const links = token.servers.map(
    (address) =>
      new RelayLinkShell(address, end, {
        now: monotonic,
        log,
        order: (order) => {
          switch (order.type) {
            case 'allow':
              for (const { channel, nodes: both } of order.channels) relay.allow(channel, both);
              return;
            case 'remove':
              for (const node of order.nodes) relay.handleRemoved(node);
              return;
            case 'welcome':
              return;
            default:
              return unreachable(order);
          }
        },
      }),
  );
  log.log('info', 'relay-server-up', { port: socket.port, endpoints: told.join(' '), packets: socket.implementation });
  return {
    ...{ port: socket.port, endpoints: told, servers: token.servers },
    close: () => {
      for (const link of links) link.stop();
      relay.stop();
    },
  };
}

/** The token that was given, kept from now on, or the one that is kept. */
function keptToken({ state, token: written }: RelayServerOptions): RelayToken {
  const path = join(state, TOKEN_FILE);
  const isGiven = written !== undefined;
  if (!isGiven && !existsSync(path))
    throw new GscipError(
      'no-relay-token',
      'a relay that runs apart needs a token',
      'Make one on the server: gscip admin relay add NAME; then use --relay-token TOKEN.',
    );
  const text = isGiven && written.startsWith('gsr1.') ? written : readText(isGiven ? written : path);
  const token = decodeRelayToken(nodeProvider, text);
  if (typeof token === 'string')
    throw new GscipError(
      'bad-relay-token',
      `this is no relay token: ${token}`,
      'Copy it whole, from "gsr1." on, with the addresses behind the @.',
    );
  if (isGiven) {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    writePrivately(path, new TextEncoder().encode(`${text.trim()}\n`));
  }
  return token;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GscipError(
      'bad-relay-token',
      `"${path}" is neither a relay token nor a file that can be read`,
      'A token begins with "gsr1."; check the path behind --relay-token.',
      cause,
    );
  }
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

function monotonic() {
  return millis(performance.now());
}
