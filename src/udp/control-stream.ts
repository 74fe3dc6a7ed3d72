import { Socket } from 'node:net';
import { CONTROL_MARK } from '../base/control-mark.ts';
import { usedAddon } from '../native/addon.ts';

/**
 * A TCP connection that carries the mark of control traffic from its first packet on (protocol.md 11.6). `address` is a
 * number; what goes wrong later is an error event. A refusal is the name of a system error, or why there is no addon.
 */
export function connectStream(address: string, port: number): Socket | string {
  const addon = usedAddon();
  if (typeof addon === 'string') return addon;
  const fd = addon.tcpConnect({ address, port, mark: CONTROL_MARK });
  // Node waits for the connection by itself: until then the kernel takes nothing from it and gives nothing
  return typeof fd === 'string' ? fd : new Socket({ fd, readable: true, writable: true });
}

/** Number of a bound TCP socket with the same mark, for Node to listen on; or why there is none. */
export function bindStream(address: string | undefined, port: number): number | string {
  const addon = usedAddon();
  if (typeof addon === 'string') return addon;
  return addon.tcpBind({ ...(address !== undefined && { address }), port, mark: CONTROL_MARK });
}
