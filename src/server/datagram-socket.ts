import { GscipError } from '../base/errors.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import { openBatchSocket } from '../udp/open-batch-socket.ts';

/** A UDP socket of a server, or an error that says what is in its way. */
export async function openServerSocket({ host }: ListenAddress, port: number, gro: boolean): Promise<BatchSocket> {
  if (port > 0xffff) throw new GscipError('usage', 'the UDP ports end above 65535', 'Use a --listen port below 65533.');
  const socket = await openBatchSocket({ address: host, port, gro });
  if (typeof socket !== 'string') return socket;
  if (socket === 'EADDRINUSE')
    throw new GscipError(
      'udp-port-in-use',
      `another program has UDP port ${port}; a node on this machine, perhaps`,
      'Find it with ss -lnup, or use another --listen.',
    );
  throw new GscipError('udp-not-opened', `UDP port ${port} cannot be opened: ${socket}`, 'Check --listen.');
}
