import { MODE, type ModeName, NODE_TYPE } from '../base/datagram-kinds.ts';
import type { CaPart } from '../crypto/credential.ts';
import { type EndType, endTypeName, modeName } from './wire-names.ts';

/**
 * A6: what a node states of itself must not be laxer than its certificate. A closed node never speaks as an open one;
 * the type is the certificate's, since each type may do what another may not.
 */
export function statementAllowed(caPart: CaPart, stated: { readonly type: EndType; readonly mode: ModeName }): boolean {
  return NODE_TYPE[stated.type] === caPart.type && MODE[stated.mode] >= caPart.mode;
}

/** Type and mode by the certificate alone, for the start GE, which states none; null for a server's certificate. */
export function certifiedKind(caPart: CaPart): { readonly type: EndType; readonly mode: ModeName } | null {
  const type = endTypeName(caPart.type);
  const mode = modeName(caPart.mode);
  return type === null || mode === null ? null : { type, mode };
}
