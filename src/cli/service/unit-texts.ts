import { NODE_FLAGS } from '../lab/pinned-node.ts';

/** Where the program lies, and what a unit is to start with it. */
export interface ServicePlan {
  /** absolute path of Node, and of the program that it runs */
  readonly node: string;
  readonly main: string;
  /** the folder that the service keeps its things in */
  readonly state: string;
  /** further words behind the verb, as an administrator would type them */
  readonly words: readonly string[];
}

/** The first line of every file that we write, by which we know it again. */
export const WRITTEN_BY = '# Written by "gscip service install"; "gscip service uninstall" takes it away.';
/** The same of the units that come with the package. */
export const PACKAGED_BY =
  '# Part of the package gscip; "gscip service install" writes another over it where options are given.';
/** Where an administrator's join token waits for the node, and what the service manager calls it. */
export const TOKEN_FILE = '/etc/gscip/join-token';
export const TOKEN_CREDENTIAL = 'gscip.join-token';
/** What it holds where there is no such file. */
export const NO_TOKEN = 'none';

/** What every service of ours gives up: it is root for the network alone. */
const HARDENING = [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'ProtectHome=read-only',
  'PrivateTmp=yes',
  'ProtectControlGroups=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'RestrictSUIDSGID=yes',
  'RestrictRealtime=yes',
  'RestrictNamespaces=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
  'UMask=0077',
];

const AGAIN = ['Restart=on-failure', 'RestartSec=2', 'KillMode=mixed', 'TimeoutStopSec=30', 'WatchdogSec=60'];

/** The units of a service, by name. */
export function unitTexts(
  service: 'node' | 'server',
  plan: ServicePlan,
): readonly (readonly [unit: string, text: string])[] {
  if (service === 'server') return [['gscip-server.service', serverUnit(plan)]];
  return [
    ['gscip-lock.service', lockUnit(plan, '/usr/sbin/nft')],
    ['gscip.service', nodeUnit(plan)],
  ];
}

/** The node: its interface, routes and rules; where it is a GEN, also the forwarding settings of the kernel. */
export function nodeUnit(plan: ServicePlan): string {
  return unit(
    [
      'Description=GSCIP node',
      // it waits for network, names and server by itself; what it holds back must stand before them
      'Wants=network-pre.target',
      'After=network-pre.target gscip-lock.service gscip-server.service',
      'StartLimitIntervalSec=0',
    ],
    [
      'Type=notify',
      'NotifyAccess=all',
      `ExecStart=${command(plan, 'up')}`,
      // by the shell, as a bare machine has no other kill
      'ExecReload=/bin/sh -c "kill -HUP $MAINPID"',
      // the first start waits for the server, and for an administrator's approval, as long as it takes
      'TimeoutStartSec=infinity',
      ...AGAIN,
      `LoadCredential=${TOKEN_CREDENTIAL}:${TOKEN_FILE}`,
      // without that file the service starts all the same
      `SetCredential=${TOKEN_CREDENTIAL}:${NO_TOKEN}`,
      ...folders(plan, 'gscip'),
      'RuntimeDirectory=gscip',
      ...HARDENING,
      'CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE',
      'DevicePolicy=closed',
      'DeviceAllow=/dev/net/tun rw',
      // what the state folder is sealed with: the TPM where there is one, else systemd's own key
      'DeviceAllow=/dev/tpmrm0 rw',
      'ReadWritePaths=-/var/lib/systemd',
      // names of members, where no resolver of the machine takes them; what is left of them at the end, after a crash, too, or
      // in a file that was put in its place meanwhile, is taken away from outside
      'ReadWritePaths=-/etc/hosts',
      `ExecStopPost=-+${[plan.node, plan.main, 'dns', 'undo', '--state', plan.state].map(quoted).join(' ')}`,
      'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    ],
    'multi-user.target',
  );
}

/** Account server and group management server, with coordinator and relay where those are wanted. */
export function serverUnit(plan: ServicePlan): string {
  return unit(
    ['Description=GSCIP server', 'After=network.target gscip-lock.service', 'StartLimitIntervalSec=0'],
    [
      'Type=notify',
      'NotifyAccess=all',
      `ExecStart=${command(plan, 'server')}`,
      'TimeoutStartSec=300',
      ...AGAIN,
      ...folders(plan, 'gscip-server'),
      ...HARDENING,
      'ProtectKernelTunables=yes',
      'PrivateDevices=yes',
      // the first is for the mark by which the lock of a closed node beside it knows its packets
      'CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE',
      'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    ],
    'multi-user.target',
  );
}

/** The lock of a closed node, in force before the first interface is up; nothing where the node is open. */
export function lockUnit({ state }: ServicePlan, nft: string): string {
  const rules = `${state}/lock.nft`;
  return unit(
    [
      'Description=GSCIP: the lock of a closed node',
      'DefaultDependencies=no',
      'Wants=network-pre.target',
      'Before=network-pre.target shutdown.target',
      'Conflicts=shutdown.target',
      'After=local-fs.target',
      `RequiresMountsFor=${quoted(state)}`,
      `ConditionPathExists=${specified(rules)}`,
    ],
    ['Type=oneshot', 'RemainAfterExit=yes', `ExecStart=${[nft, '-f', rules].map(quoted).join(' ')}`],
    'sysinit.target',
  );
}

function unit(about: readonly string[], service: readonly string[], wantedBy: string): string {
  const parts = [`${WRITTEN_BY}\n[Unit]`, ...about, '\n[Service]', ...service, `\n[Install]\nWantedBy=${wantedBy}\n`];
  return parts.join('\n');
}

/** systemd makes the usual folder; another one has to be there. */
function folders({ state }: ServicePlan, usual: string): string[] {
  return state === `/var/lib/${usual}`
    ? [`StateDirectory=${usual}`, 'StateDirectoryMode=0700']
    : [`ReadWritePaths=${quoted(state)}`];
}

function command({ node, main, state, words }: ServicePlan, verb: string): string {
  return [node, ...NODE_FLAGS, main, verb, '--state', state, ...words].map(quoted).join(' ');
}

/** A word of ExecStart (systemd.service(5)). */
function quoted(word: string): string {
  const plain = specified(word).replaceAll('$', '$$$$');
  return /^[\w./:@%+=,-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** What systemd would take for a specifier (systemd.unit(5)). */
function specified(text: string): string {
  return text.replaceAll('%', '%%');
}
