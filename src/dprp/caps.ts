import { NODE_TYPE } from '../base/datagram-kinds.ts';
import { type EndType, endTypeName } from './wire-names.ts';

/*
 * caps, 2 bytes (protocol.md 2.2)
 *
 *   15                      6   5   4   3   2   1   0
 *   +-----------------------+-------+---+-----------+
 *   |           0           | type  |gms| lanes - 1 |
 *   +-----------------------+-------+---+-----------+
 */

/** What a node can do and claims to be. */
export interface Caps {
  /** 1 to 8 */
  readonly lanes: number;
  /** the node has no GMS: it cannot refresh its keys */
  readonly noGms: boolean;
  readonly type: EndType;
}

export function encodeCaps(caps: Caps): number {
  return (caps.lanes - 1) | (caps.noGms ? 8 : 0) | (NODE_TYPE[caps.type] << 4);
}

export function decodeCaps(bits: number): Caps | 'caps' {
  const type = endTypeName((bits >> 4) & 3);
  if (type === null || bits >> 6 !== 0) return 'caps';
  return { lanes: (bits & 7) + 1, noGms: (bits & 8) !== 0, type };
}
