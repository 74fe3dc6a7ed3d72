import type { NodeId, UnixSeconds } from '../../base/brands.ts';
import { MODE, type ModeName, NODE_TYPE } from '../../base/datagram-kinds.ts';
import { GscipError } from '../../base/errors.ts';
import { padAddress } from '../../base/ip-address.ts';
import type { AddressPrefix } from '../../crypto/address-prefix.ts';
import { encodeCaPart } from '../../crypto/credential.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { Member } from '../../crypto/roster-entry.ts';
import { type AddressPlan, formatRange, parseRange, rangesOverlap, sameRange, ulaRange } from './address-plan.ts';

/** Clocks of nodes may be this far behind ours (seconds). */
export const CLOCK_SLACK = 86_400;
const ROUTES_IN_CERTIFICATE = 2;

/** What a CA part and an ADD entry say of a node. */
export interface StatedNode {
  readonly id: NodeId;
  readonly edPublic: Uint8Array;
  readonly type: 'ges' | 'gen' | 'gea';
  readonly mode: ModeName;
  /** 4 and 16 bytes */
  readonly ipv4: Uint8Array;
  readonly ipv6: Uint8Array;
  readonly routes: readonly AddressPrefix[];
}

/** When a certificate is valid, and its number. */
export interface CertificateTerms {
  readonly serial: number;
  readonly notBefore: UnixSeconds;
  readonly notAfter: UnixSeconds;
}

/** The 200 bytes; of more than two routes the rest stands in the rosters (protocol.md 1.3). */
export function issueCaPart(
  provider: CryptoProvider,
  node: StatedNode,
  { serial, notBefore, notAfter }: CertificateTerms,
  caSeed: Uint8Array,
): Uint8Array {
  const serialBytes = new Uint8Array(8);
  new DataView(serialBytes.buffer).setUint32(4, serial);
  return encodeCaPart(
    provider,
    {
      type: NODE_TYPE[node.type],
      mode: MODE[node.mode],
      edPk: node.edPublic,
      vip6: node.ipv6,
      vip4: node.ipv4,
      notBefore,
      notAfter,
      serial: serialBytes,
      routes: node.routes.slice(0, ROUTES_IN_CERTIFICATE),
      moreRoutes: node.routes.length > ROUTES_IN_CERTIFICATE,
    },
    caSeed,
  );
}

/** How an ADD entry states the node: nobody but the CA has seen its key. */
export function memberOf({ id, edPublic, ipv4, ipv6, routes }: StatedNode): Member {
  return { nodeId: id, edPk: edPublic, vips: [ipv6, padAddress(ipv4)], routes, check: 'ca-only' };
}

/** Reads the routes behind a node and refuses what cannot lie there. */
export function checkedRoutes(
  plan: AddressPlan,
  type: StatedNode['type'],
  texts: readonly string[],
): readonly AddressPrefix[] {
  if (texts.length > 0 && type === 'ges')
    throw new GscipError(
      'usage',
      'a GES stands for itself and has no routes behind it',
      'Use --type gen for a router, gea for a bridge.',
    );
  const ranges = texts.map(parseRange);
  for (const [at, range] of ranges.entries()) {
    const text = formatRange(range);
    const own = [plan.pool, ulaRange(plan)].find((each) => rangesOverlap(each, range));
    if (own)
      throw new GscipError(
        'route-overlap',
        `the route ${text} overlaps the network's own addresses ${formatRange(own)}`,
        'Route only what lies behind the node.',
      );
    if (ranges.slice(0, at).some((each) => sameRange(each, range)))
      throw new GscipError('usage', `the route ${text} is given twice`, 'Give it once.');
  }
  return ranges;
}
