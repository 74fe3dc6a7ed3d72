import type { Command } from 'commander';
import { GscipError } from '../base/errors.ts';
import { parseListenAddress } from '../base/listen-address.ts';
import { parseLevel } from '../node/agent-config.ts';
import { JsonLog } from '../node/json-log.ts';
import { LineWriter } from '../node/line-writer.ts';
import { ServiceNotice } from '../node/service-notice.ts';
import { DEFAULT_POOL, parsePool } from '../server/network/address-plan.ts';
import { RELAY_RATES, type RelayRates } from '../server/relay/relay-limits.ts';
import { isRelayApart } from '../server/server-roles.ts';
import { checked } from './checked.ts';
import { parseDuration } from './duration.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';
import { shellWord } from './shell-word.ts';
import { splitList } from './split-list.ts';

interface ServerFlags {
  readonly state: string;
  readonly listen: string;
  readonly advertise?: readonly string[];
  readonly roles?: string;
  readonly network?: string;
  readonly pool?: string;
  readonly timeZone?: string;
  readonly lease?: number;
  readonly certificateLife?: number;
  readonly database?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly keyFile?: string;
  readonly otherAddress?: string;
  readonly relayToken?: string;
  readonly relayRate?: number;
  readonly relayTotal?: number;
  readonly metrics?: string;
  readonly logLevel: string;
  readonly attached?: boolean;
}

/** `gscip server` */
export function define(command: Command): void {
  serverFlags(command).action(server);
  examples(command, [
    ['sudo gscip server --network office', 'first start: makes keys and database, and says what to do next'],
    ['gscip server --state ./net --listen 127.0.0.1:8443', 'needs no root'],
    [
      'gscip server --state ./two --database postgres://gscip@db/gscip --key-file ./server.key',
      'a second server for the same network',
    ],
    ['sudo gscip server --roles as,gms,dc,relay', 'a server by which nodes behind NATs reach each other'],
    ['sudo gscip server --roles relay --relay-token TOKEN', 'one more relay, on another machine'],
    ['sudo gscip server --roles relay --metrics 127.0.0.1:9470', 'later; Prometheus reads its metrics there'],
  ]);
}

/** What `gscip server` takes on the command line. */
export function serverFlags(command: Command): Command {
  return networkFlags(command)
    .option('--state <DIR>', 'keys, certificate, database and the socket of gscip admin', '/var/lib/gscip-server')
    .option(
      '--listen <ADDR:PORT>',
      'the TCP port for nodes, administrators and metrics',
      checked(parseListenAddress),
      ':47247',
    )
    .option(
      '--advertise <LIST>',
      'HOST:PORT that join tokens name, separated by commas (default: the addresses of this machine)',
      splitList,
    )
    .option(
      '--roles <LIST>',
      'as,gms,dc,relay (default; without the last two where their UDP ports are taken), as,gms, or relay: a relay apart',
    )
    .option('--other-address <ADDR>', 'a second address of this machine: nodes learn more of their NAT')
    .option('--relay-token <TOKEN|FILE>', 'with --roles relay, once: what "gscip admin relay add NAME" printed')
    .option(
      '--relay-rate <MBIT>',
      'what one node may send through the relay (default: 1000)',
      wholeNumber(1, 1_000_000),
    )
    .option('--relay-total <MBIT>', 'what all nodes together may (default: 10000)', wholeNumber(1, 1_000_000))
    .option('--database <URL>', 'postgres://… (default: SQLite in the state folder)')
    .option('--tls-cert <FILE>', 'certificate for TLS (default: one of its own)')
    .option('--tls-key <FILE>', 'key of that certificate')
    .option('--key-file <FILE>', 'key that seals secrets in the database; several servers of one network share it')
    .option(
      '--metrics <ADDR:PORT>',
      'with --roles relay: where Prometheus reads its metrics, as 127.0.0.1:9470 (default: nowhere)',
      checked(parseListenAddress),
    )
    .option('--log-level <LEVEL>', 'debug, info, warn or error', checked(parseLevel), 'info')
    .option('--attached', 'end when standard input does, and print nothing but the log: for programs that start it');
}

/** At the first start only. */
function networkFlags(command: Command): Command {
  return command
    .option('--network <NAME>', 'first start: name of the network (default: gscip)')
    .option('--pool <CIDR>', `first start: IPv4 range of the overlay (default: ${DEFAULT_POOL})`, checked(parsePool))
    .option('--time-zone <NAME>', "first start: zone of the daily rolls (default: this machine's)")
    .option('--lease <TIME>', 'first start: how long keys are good without the server (default: 72h)', parseDuration)
    .option('--certificate-life <TIME>', 'first start: how long a node certificate lives (default: 60d)', parseLife);
}

/** Longer than other times are. */
function parseLife(text: string): number {
  const [, days = ''] = /^(\d{1,4})d$/.exec(text) ?? [];
  return days === '' ? parseDuration(text) : Number(days) * 86_400;
}

async function server(flags: ServerFlags): Promise<void> {
  const service = ServiceNotice.take();
  if (isRelayApart(flags.roles ?? '')) return relay(flags, service);
  if (flags.metrics !== undefined)
    throw new GscipError(
      'usage',
      '--metrics belongs to --roles relay',
      'a server has its metrics at --listen: https://SERVER:PORT/metrics, with an API key',
    );
  const { state, listen, advertise, roles, database, tlsCert, tlsKey, keyFile } = flags;
  const { startServer } = await import('../server/server.ts');
  const { packageRelease } = await import('../node/server-link/release.ts');
  const lines = new LineWriter(process.stderr.fd);
  const log = new JsonLog(lines.write, parseLevel(flags.logLevel));
  const network = networkRequest(flags);
  const files = { database, tlsCert, tlsKey, keyFile };
  const running = await startServer({
    rates: ratesOf(flags),
    otherAddress: flags.otherAddress,
    state,
    listen,
    advertise,
    roles,
    ...files,
    network,
    release: packageRelease(),
    log,
  });
  if (!flags.attached) console.log(running.isNew ? welcome(running, flags) : `The server is up: ${running.url}`);
  service.ready(`server at ${running.url}`);
  const reason = await ended(flags.attached === true);
  service.stopping();
  log.log('info', 'server-ending', { reason });
  await running.close();
  lines.flush();
  process.exit();
}

/** A relay on a machine of its own. */
async function relay(flags: ServerFlags, service: ServiceNotice): Promise<void> {
  const { state, listen, advertise, metrics, relayToken: token } = flags;
  const { startRelayServer } = await import('../server/relay-server.ts');
  const { packageRelease } = await import('../node/server-link/release.ts');
  const lines = new LineWriter(process.stderr.fd);
  const log = new JsonLog(lines.write, parseLevel(flags.logLevel));
  const options = { state, listen, advertise, metrics, token, rates: ratesOf(flags), release: packageRelease(), log };
  const running = await startRelayServer(options);
  if (!flags.attached) {
    console.log(`The relay is up at ${running.endpoints.join(', ')} (UDP), for ${running.servers.join(', ')}.`);
    if (running.metricsUrl !== undefined) console.log(`Its metrics are at ${running.metricsUrl}`);
  }
  service.ready(`relay at ${running.endpoints.join(', ')}`);
  const reason = await ended(flags.attached === true);
  service.stopping();
  log.log('info', 'server-ending', { reason });
  await running.close();
  lines.flush();
  process.exit();
}

const BYTES_PER_MBIT = 125_000;

function ratesOf({ relayRate, relayTotal }: ServerFlags): RelayRates {
  const { perNode, total } = RELAY_RATES;
  return {
    perNode: relayRate === undefined ? perNode : relayRate * BYTES_PER_MBIT,
    total: relayTotal === undefined ? total : relayTotal * BYTES_PER_MBIT,
  };
}

/** What a network begins with; a server that has one already passes over it. */
function networkRequest({ network, pool, timeZone, lease, certificateLife }: ServerFlags) {
  return {
    timeZone: timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(network !== undefined && { network }),
    ...(pool !== undefined && { pool }),
    ...(lease !== undefined && { lease }),
    ...(certificateLife !== undefined && { certificateLife }),
  };
}

/** What ends it: a signal, a fault of ours, or, attached, the end of the program that started it. */
function ended(attached: boolean): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
    process.once('uncaughtException', (error) => {
      console.error(error instanceof GscipError ? error.message : error);
      process.exitCode = 1;
      resolve('a failure');
    });
    if (attached) process.stdin.once('end', () => resolve('the end of its owner')).resume();
  });
}

interface Made {
  readonly url: string;
  readonly pin: string;
  readonly servers: readonly string[];
  readonly socket: string;
}

function welcome({ url, pin, servers, socket }: Made, { state }: ServerFlags): string {
  const where = `--socket ${shellWord(socket)}`;
  return [
    `A new network. The server is up: ${url}`,
    `  its TLS key (SPKI, SHA-256)  ${pin}`,
    `  nodes reach it at            ${servers.join(', ')}; otherwise start it with --advertise HOST:PORT`,
    `  keep a copy of               ${state}/server.key, apart from backups: without it they are worth nothing`,
    '',
    'Next, in another terminal:',
    `  gscip admin user add alice ${where}`,
    `  gscip admin group add lab ${where}`,
    `  gscip admin token create --user alice --groups lab ${where}`,
    'and on the first machine: sudo gscip up --join TOKEN',
  ].join('\n');
}
