import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { hasCommand, type Load, MIDDLE, type RelayBed, SINK, SOURCE, type Target } from './bed.ts';
import { FIRST_CHANNEL } from './bench-channels.ts';

/** A relay that stands between source and sink, ready for a load. */
export interface Standing {
  readonly target: Target;
  /** absent: the kernel itself */
  readonly process?: LabProcess;
}

/** A way to carry datagrams through the machine in the middle. */
export interface Contestant {
  readonly name: string;
  /** why it cannot take part */
  missing(): string | undefined;
  start(bed: RelayBed, load: Load): Promise<Standing>;
}

const TURNSERVER = '/usr/bin/turnserver';
const RELAY_PORT = 47_249;
const TURN_PORT = 3_478;
const TURN_CHANNEL = 0x4000;

const kernel: Contestant = {
  name: 'kernel forwarding',
  missing: () => undefined,
  start: () => Promise.resolve({ target: { ...SINK, prefix: '', at: -1 } }),
};

function gscip(name: string, env: Readonly<Record<string, string>>): Contestant {
  return {
    name,
    missing: () => undefined,
    start: async (bed, { flows }) => {
      const process = bed.middle.start([pinnedNode(), script('lone-relay'), `${RELAY_PORT}`], { seconds: 3_600, env });
      await until(
        () => `the relay: ${process.stderr()}`,
        () => process.stdout().includes('ready'),
      );
      const relay = (address: string) => `${address}:${RELAY_PORT}`;
      const bind = (side: number, port: number, at: string) =>
        [pinnedNode(), script('bind-flows'), side, port, flows, relay(at)].map(String);
      await bed.source.run(bind(0, SOURCE.port, MIDDLE));
      await bed.sink.run(bind(1, SINK.port, '10.9.2.254'));
      const prefix = `20000000${FIRST_CHANNEL.toString(16)}`;
      return { process, target: { address: MIDDLE, port: RELAY_PORT, prefix, at: 6 } };
    },
  };
}

const coturn: Contestant = {
  name: 'coturn',
  missing: () => (hasCommand(TURNSERVER) ? undefined : 'coturn is not installed'),
  start: async (bed, { size, flows }) => {
    const flags = ['--no-auth', '--no-tls', '--no-dtls', '--no-tcp', '--no-cli', '--log-file', 'stdout', '--pidfile'];
    const bounds = ['--relay-threads', '2', '--min-port', '40000', '--max-port', '50000', '--realm', 'bench'];
    const addresses = ['--listening-ip', MIDDLE, '--relay-ip', '10.9.2.254', '--listening-port', `${TURN_PORT}`];
    const pidfile = `${bed.lab.folder}/turnserver.pid`;
    const process = bed.middle.start([TURNSERVER, '-n', ...flags, pidfile, ...bounds, ...addresses], {
      seconds: 3_600,
    });
    const words = [SOURCE.port, flows, MIDDLE, TURN_PORT, SINK.address, SINK.port, TURN_CHANNEL].map(String);
    await until(
      () => `coturn: ${process.stdout().slice(-500)}`,
      async () => (await bed.source.attempt([pinnedNode(), script('turn-flows'), ...words])).code === 0,
      { seconds: 20, everyMs: 300 },
    );
    const prefix = `${TURN_CHANNEL.toString(16)}${(size - 4).toString(16).padStart(4, '0')}`;
    return { process, target: { address: MIDDLE, port: TURN_PORT, prefix, at: -1 } };
  },
};

function script(name: string): string {
  return `${PROJECT}bench/relay/${name}.ts`;
}

export const CONTESTANTS: readonly Contestant[] = [
  kernel,
  gscip('gscip', {}),
  gscip('gscip without addon', { GSCIP_WITHOUT_ADDON: '1' }),
  coturn,
];
