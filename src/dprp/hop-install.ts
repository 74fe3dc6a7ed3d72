import type { NodeId } from '../base/brands.ts';
import { equalConstantTime } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { HopActionBox, HopOrder } from './hop-action.ts';
import { actionSignedBy, confirmationSignedBy, type HopBinding, type HopParties } from './hop-box.ts';
import { resolveSigner, type SignerDeps, type SignerFault } from './hop-signer.ts';

/** What is needed to check an order. */
export interface InstallDeps extends SignerDeps {
  readonly provider: CryptoProvider;
}

/** Both boxes of one negotiation, opened, and what they must be about. */
export interface HopOrders {
  readonly binding: HopBinding;
  /** this element's own record, as sent */
  readonly record: Uint8Array;
  readonly action: HopActionBox;
  readonly confirmation: HopActionBox;
}

/** An order that an on-path element may take. */
export interface RelayOrder extends HopOrder {
  readonly action: 'relay' | 'discard';
}

/** What may be installed: who decided it, who confirmed it. */
export interface HopInstall {
  readonly order: RelayOrder;
  readonly parties: HopParties;
}

export type InstallRefusal =
  | `start-${SignerFault}`
  | `end-${SignerFault}`
  | 'action-signature'
  | 'confirmation-signature'
  | 'other-action'
  | 'policy';

/**
 * Rule H4: an on-path element installs only what I signed over its own record and R over its ephemeral key, for the same
 * two ends and the same action, and what its own policy allows (protocol.md 2.3).
 */
export function checkInstall(deps: InstallDeps, own: NodeId, orders: HopOrders): HopInstall | InstallRefusal {
  const { binding, action, confirmation, record } = orders;
  const start = resolveSigner(deps, action.signer);
  if (typeof start === 'string') return `start-${start}`;
  const end = resolveSigner(deps, confirmation.signer);
  if (typeof end === 'string') return `end-${end}`;
  const parties: HopParties = { hop: own, start: start.nodeId, end: end.nodeId };
  if (!actionSignedBy(deps.provider, start, binding, action, parties, record)) return 'action-signature';
  if (!confirmationSignedBy(deps.provider, end, binding, confirmation, parties)) return 'confirmation-signature';
  if (!equalConstantTime(action.orderBytes, confirmation.orderBytes)) return 'other-action';
  const { order } = action;
  return allowsOrder(order) ? { order, parties } : 'policy';
}

/**
 * Whether this element takes such an order. On the path it relays ciphertext or discards: it has no key to encrypt with,
 * and no message can make it relay clear text (protocol.md D9). `relay` lets data datagrams of the two indices pass and
 * nothing else; a closed element may take it since the handshake, and so both ends, stood on different sides of it.
 */
export function allowsOrder(order: HopOrder): order is RelayOrder {
  return order.action === 'relay' || order.action === 'discard';
}
