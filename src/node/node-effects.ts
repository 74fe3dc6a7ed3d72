import type { Millis, NodeId } from '../base/brands.ts';
import type { LogFields } from '../base/log.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { WaitingPacket } from './packet-io.ts';

/** What the engine asks the shell to do; carried out in order by one switch. */
export type NodeEffect =
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** equal datagrams in a row, of `segment` bytes, the last maybe shorter, frames included; the bytes are good until the next batch comes */
  | { readonly kind: 'send-run'; readonly bytes: Uint8Array; readonly segment: number; readonly to: PathAddress }
  /** by the socket that nothing else uses, whose mapping and filters are as nobody has left them */
  | { readonly kind: 'send-spare'; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** datagrams to the coordinator of this name may go through its server's TCP port, or need not any more (protocol.md 6.8) */
  | { readonly kind: 'tunnel'; readonly id: string; readonly addresses: readonly string[]; readonly wanted: boolean }
  | { readonly kind: 'send-tunnel'; readonly id: string; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** all that goes to this relay goes through that tunnel, or by UDP */
  | { readonly kind: 'detour'; readonly relay: PathAddress; readonly id: string | undefined }
  /** others reach this node elsewhere: the GEN above says so, or is there no more */
  | { readonly kind: 'placed' }
  /** seal and send a packet that waited */
  | { readonly kind: 'seal'; readonly packet: WaitingPacket; readonly sa: number }
  /** an inner packet for TUN that came inside a control record */
  | { readonly kind: 'deliver'; readonly packet: Uint8Array }
  /** the node should read its keys anew: a peer has newer ones (a hint, protocol.md 3.6) */
  | { readonly kind: 'refresh'; readonly what: string }
  /** something to be kept over a restart has changed */
  | { readonly kind: 'persist'; readonly what: 'versions' | 'paths' }
  /** a challenge of ours was answered on this path: what `ping` waits for */
  | { readonly kind: 'path-response'; readonly peer: NodeId; readonly token: Uint8Array; readonly path: PathAddress }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly event: string; readonly fields: LogFields }
  | {
      readonly kind: 'trace';
      readonly message: string;
      readonly direction: 'in' | 'out';
      readonly peer: string;
      readonly at: Millis;
    };
