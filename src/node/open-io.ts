import { accessSync, constants, existsSync } from 'node:fs';
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

export interface IoPlan {
  readonly tun: string;
  readonly listen: ListenAddress;
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

function openNativeIo({ tun, listen }: IoPlan, addon: Addon): PacketIo {
  const device = addon.tunOpen(tun, { offload: true, multiQueue: false });
  if (typeof device === 'string') throw tunFailure(tun, device);
  const socket = openUdp(addon, listen, device);
  return new NativeIo(addon, device, socket);
}

function openUdp(addon: Addon, listen: ListenAddress, device: TunDevice): UdpSocket {
  const { address, port } = listen;
  const common = { gro: true, gso: true, reusePort: false, mark: CONTROL_MARK };
  const options = { port, ...common, ...(address !== undefined && { address }) };
  const socket = addon.udpOpen(options);
  if (typeof socket !== 'string') return socket;
  addon.close(device.fd);
  throw udpFailure(listen, socket);
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
