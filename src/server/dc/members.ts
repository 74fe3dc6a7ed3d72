import type { NodeId } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import { padAddress } from '../../base/ip-address.ts';
import { prefixCovers } from '../../crypto/address-prefix.ts';
import type { View } from '../network/draft.ts';
import type { NodeRow } from '../network/state.ts';

/** What a coordinator and a relay ask of the network. */
export interface Members {
  /** known, approved and not removed */
  isActive(node: NodeId): boolean;
  shareGroup(a: NodeId, b: NodeId): boolean;
  /** Whose an overlay address of 16 bytes is: a node's own, or one behind it. */
  nodeAt(address: Uint8Array): NodeId | undefined;
}

/** The members as the rows of the server have them. */
export class NetworkMembers implements Members {
  readonly #view: View;
  #addresses: Map<string, NodeId> | undefined;
  #gateways: readonly NodeRow[] = [];

  constructor(view: View) {
    this.#view = view;
  }

  isActive(node: NodeId): boolean {
    return this.#view.get('nodes', node)?.standing === 'active';
  }

  shareGroup(a: NodeId, b: NodeId): boolean {
    const groups = this.#view.get('nodes', a)?.groups ?? [];
    const others = this.#view.get('nodes', b)?.groups ?? [];
    return groups.some((group) => others.includes(group));
  }

  nodeAt(address: Uint8Array): NodeId | undefined {
    const own = this.#index().get(toHex(address));
    return own ?? this.#gateways.find(({ routes }) => routes.some((route) => prefixCovers(route, address)))?.id;
  }

  /** Rows of nodes changed. */
  handleNodesChanged(): void {
    this.#addresses = undefined;
  }

  #index(): Map<string, NodeId> {
    if (this.#addresses) return this.#addresses;
    const addresses = new Map<string, NodeId>();
    const active = [...this.#view.rows('nodes')].filter(({ standing }) => standing === 'active');
    for (const { id, ipv4, ipv6 } of active)
      for (const address of [ipv4, ipv6]) addresses.set(toHex(padAddress(address)), id);
    this.#gateways = active.filter(({ routes }) => routes.length > 0);
    this.#addresses = addresses;
    return addresses;
  }
}
