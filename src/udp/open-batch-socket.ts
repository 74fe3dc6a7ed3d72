import { createSocket } from 'node:dgram';
import { CONTROL_MARK } from '../base/control-mark.ts';
import { MESSAGE } from '../base/primitives.ts';
import { type Addon, UDP_MESSAGE_STRIDE, usedAddon } from '../native/addon.ts';
import { BATCH, type BatchSocket, type BatchSocketOptions, NativeSocket } from './batch-socket.ts';
import { NodeSocket } from './node-socket.ts';

/** Asked of the kernel for either direction; it gives what net.core allows. */
const SOCKET_BUFFER = 4 << 20;

/** Opens a UDP socket by the addon, or by Node alone where that cannot be loaded. A refusal is the name of a system error. */
export async function openBatchSocket(options: BatchSocketOptions): Promise<BatchSocket | string> {
  const addon = usedAddon();
  return typeof addon === 'string' ? openByNode(options) : openByAddon(addon, options);
}

function openByAddon(addon: Addon, { address, port, gro }: BatchSocketOptions): BatchSocket | string {
  const options = { port, gro, gso: true, reusePort: false, mark: CONTROL_MARK };
  const socket = addon.udpOpen(address === undefined ? options : { ...options, address });
  if (typeof socket === 'string') return socket;
  const { messages, batches } = gro ? BATCH.runs : BATCH.plain;
  const arena = new Uint8Array(messages * UDP_MESSAGE_STRIDE);
  const rows = new Int32Array(messages * MESSAGE.stride);
  return new NativeSocket({ addon, ...socket, arena, rows, messages, batches });
}

async function openByNode({ address, port }: BatchSocketOptions): Promise<BatchSocket | string> {
  if (address !== undefined) return bind(address, port, address.includes(':') ? 'udp6' : 'udp4');
  const both = await bind('::', port, 'udp6');
  return both === 'EAFNOSUPPORT' ? bind('0.0.0.0', port, 'udp4') : both;
}

function bind(address: string, port: number, type: 'udp4' | 'udp6'): Promise<BatchSocket | string> {
  const socket = createSocket({
    type,
    recvBufferSize: SOCKET_BUFFER,
    sendBufferSize: SOCKET_BUFFER,
    lookup: (host, _, done) => done(null, host, type === 'udp4' ? 4 : 6),
  });
  return new Promise((resolve) => {
    socket.once('error', (error) => {
      socket.close();
      resolve('code' in error ? String(error.code) : error.message);
    });
    socket.bind({ port, address }, () => {
      // A refusal that belongs to no send, such as that of a port which an answer said is closed.
      socket.removeAllListeners('error').on('error', () => undefined);
      resolve(new NodeSocket(socket));
    });
  });
}
