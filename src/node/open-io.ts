import { accessSync, constants, existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CONTROL_MARK } from '../base/control-mark.ts';
import { GscipError } from '../base/errors.ts';
import type { PathAddress } from '../base/path-address.ts';
import { type Addon, type TunDevice, type UdpSocket, usedAddon } from '../native/addon.ts';
import { nodePacketCipher } from '../pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../pccom/typescript-primitives.ts';
import { interfaceExists } from '../tun/interface.ts';
import type { ListenAddress } from './agent-config.ts';
import { NativeIo } from './native-io.ts';
import type { PacketIo } from './packet-io.ts';
import { ScriptIo } from './script-io.ts';
import { type Workers, workersFor } from './workers/wanted.ts';

export interface IoPlan {
  readonly tun: string;
  readonly listen: ListenAddress;
  /** as asked for; absent, by the cores */
  readonly workers: Workers | undefined;
  /** looks up where a path slot leads; only Node's own socket needs it */
  readonly destinations: (path: number) => PathAddress | undefined;
}

/** Number of the open TUN file, or the name of the error that kept it from being opened (scripts/tun-inherit.pl). */
const INHERITED_FD = 'GSCIP_TUN_FD';

/**
 * Opens TUN device and UDP socket with the addon; where that cannot be loaded, by Node alone. For the latter the process
 * is replaced once by itself, through a helper that opens the device.
 */
export async function openIo(plan: IoPlan): Promise<PacketIo> {
  refuseWithoutTun();
  // A device that somebody made to stay would be taken over, and keep our addresses after us.
  if (process.env[INHERITED_FD] === undefined && (await interfaceExists(plan.tun)))
    throw tunFailure(plan.tun, 'EEXIST');
  const addon = usedAddon();
  return typeof addon === 'string' ? openScriptIo(plan, addon) : openNativeIo(plan, addon);
}

function refuseWithoutTun(): void {
  if (!existsSync('/dev/net/tun'))
    throw new GscipError(
      'no-tun',
      'there is no /dev/net/tun',
      'load the module ("modprobe tun"), or allow it in this container',
    );
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new GscipError('no-permission', '/dev/net/tun may not be opened', 'run the command with sudo', cause);
  }
}

function openNativeIo({ tun, listen, workers }: IoPlan, addon: Addon): PacketIo {
  const wanted = workers ?? workersFor(availableParallelism());
  const loops = wanted === 'split' ? 1 : wanted;
  const opened = openDevices(addon, tun, listen, loops);
  if (typeof opened !== 'string') {
    const [[device, socket], ...others] = opened;
    const beside =
      wanted === 'split' ? [{ tun: undefined, udp: undefined }] : others.map(([tun, udp]) => ({ tun, udp }));
    return new NativeIo(addon, device, socket, { workers: beside, fallbacks: [] });
  }
  // who did not ask for workers misses none
  const fallbacks = workers === undefined ? [] : [`no-steering (${opened})`];
  const alone = openDevices(addon, tun, listen, 1);
  if (typeof alone === 'string') throw tunFailure(tun, alone);
  return new NativeIo(addon, ...alone[0], { workers: [], fallbacks });
}

type Devices = readonly [TunDevice, UdpSocket];

/** A queue and a socket for each loop; the name of an error where the system does not steer flows between several. */
function openDevices(
  addon: Addon,
  tun: string,
  listen: ListenAddress,
  loops: number,
): readonly [Devices, ...Devices[]] | string {
  const fds: number[] = [];
  try {
    const devices = Array.from({ length: loops }, () => {
      const device = addon.tunOpen(tun, { offload: true, multiQueue: loops > 1 });
      if (typeof device === 'string') throw tunFailure(tun, device);
      fds.push(device.fd);
      return device;
    });
    if (loops > 1) refuseSharing(addon, listen);
    let { port } = listen;
    const pairs = devices.map((device): Devices => {
      const socket = openUdp(addon, { ...listen, port }, loops > 1);
      fds.push(socket.fd);
      port = socket.port;
      return [device, socket];
    });
    const [first, ...others] = pairs;
    const refused = loops > 1 ? addon.tunSteer(first[0].fd) || addon.udpSteer(first[1].fd) : '';
    if (refused === '') return [first, ...others];
    for (const fd of fds) addon.close(fd);
    return refused;
  } catch (error) {
    for (const fd of fds) addon.close(fd);
    throw error;
  }
}

/** Sockets that share a port share it with any other program of this user that wants to: it must be free before. */
function refuseSharing(addon: Addon, listen: ListenAddress): void {
  if (listen.port !== 0) addon.close(openUdp(addon, listen, false).fd);
}

function openUdp(addon: Addon, listen: ListenAddress, reusePort: boolean): UdpSocket {
  const { address, port } = listen;
  const common = { gro: true, gso: true, reusePort, mark: CONTROL_MARK };
  const socket = addon.udpOpen({ port, ...common, ...(address !== undefined && { address }) });
  if (typeof socket === 'string') throw udpFailure(listen, socket);
  return socket;
}

function tunFailure(name: string, code: string): GscipError {
  switch (code) {
    case 'EBUSY':
    case 'EEXIST':
    case 'EINVAL':
      return new GscipError(
        'tun-in-use',
        `there is an interface ${name} already`,
        'end the program that made it ("ip -d link" shows it), or choose another name with --tun NAME',
      );
    case 'EPERM':
    case 'EACCES':
      return new GscipError('no-permission', `may not make the interface ${name}`, 'run the command with sudo');
    default:
      return new GscipError('tun-failed', `cannot make the interface ${name}: ${code}`, 'see "ip link" and "dmesg"');
  }
}

function udpFailure({ address, port }: ListenAddress, code: string): GscipError {
  const where = `${address ?? '*'}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return new GscipError(
        'port-in-use',
        `UDP port ${port} is in use by another program (${where})`,
        'stop that program ("ss -ulnp" names it), or choose another port with --listen ADDR:PORT',
      );
    case 'EADDRNOTAVAIL':
      return new GscipError('bad-listen', `this machine has no address ${address}`, 'see "ip addr" for those it has');
    default:
      return new GscipError(
        'udp-failed',
        `cannot open UDP ${where}: ${code}`,
        'choose another with --listen ADDR:PORT',
      );
  }
}

async function openScriptIo({ tun, listen, destinations }: IoPlan, reason: string): Promise<PacketIo> {
  const inherited = process.env[INHERITED_FD];
  if (inherited === undefined) return becomeHelper(tun);
  if (!/^\d+$/.test(inherited)) throw tunFailure(tun, inherited);
  const primitives = new TypescriptPrimitives(nodePacketCipher);
  try {
    return await ScriptIo.open(primitives, { fd: Number(inherited), name: tun, reason }, listen, destinations);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw udpFailure(listen, code);
  }
}

/** Replaces this process by the helper that opens the device and starts it again. */
function becomeHelper(tun: string): never {
  const helper = fileURLToPath(new URL('../../scripts/tun-inherit.pl', import.meta.url));
  const perl = '/usr/bin/perl';
  if (!existsSync(perl) || process.execve === undefined)
    throw new GscipError(
      'no-addon',
      'the C++ addon is not built, and the fallback needs perl',
      'install a C++ compiler (package g++) and start again, or install perl',
    );
  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
  );
  return process.execve(
    perl,
    ['perl', helper, tun, process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    environment,
  );
}
