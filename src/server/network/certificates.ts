import { unixSeconds } from '../../base/brands.ts';
import { encodeGmsCertificate } from '../../crypto/gms-certificate.ts';
import type { Draft, View } from './draft.ts';
import { CLOCK_SLACK, issueCaPart, type StatedNode } from './node-certificate.ts';
import { changeSettings, settingsOf } from './settings.ts';
import type { NodeRow } from './state.ts';
import type { Tools } from './tools.ts';

/** Nodes pin the key by it for as long as they belong to the network, so it lasts (seconds). */
const GMS_CERTIFICATE_LIFE = 10 * 365 * 86_400;

/** A new certificate for what a row says of a node, valid from a day ago to the end of its life, or of the membership where that is sooner. */
export function certify(
  tools: Tools,
  draft: Draft,
  node: StatedNode & Pick<NodeRow, 'endsAt'>,
): Pick<NodeRow, 'caPart' | 'certificateEnds'> {
  const { nextSerial: serial, certificateLife, caSeed } = settingsOf(draft);
  changeSettings(draft, { nextSerial: serial + 1 });
  const notBefore = unixSeconds(tools.now - CLOCK_SLACK);
  const certificateEnds = unixSeconds(Math.min(tools.now + certificateLife, node.endsAt ?? Number.POSITIVE_INFINITY));
  const caPart = issueCaPart(tools.provider, node, { serial, notBefore, notAfter: certificateEnds }, caSeed);
  return { caPart, certificateEnds };
}

/** Whether two thirds of a certificate's life are over, or a clock that has been put back since wrote it. */
export function renewalDue(tools: Tools, view: View, node: NodeRow): boolean {
  const { certificateLife } = settingsOf(view);
  const { now } = tools;
  // no newer one would last longer than the membership
  const isLast = node.endsAt !== undefined && node.certificateEnds === node.endsAt;
  return (now >= node.certificateEnds - certificateLife / 3 && !isLast) || node.certificateEnds > now + certificateLife;
}

/** The CA's statement about the group management server's key, which nodes pin (protocol.md 11). */
export function gmsCertificate(tools: Tools, view: View): Uint8Array {
  const { gmsSeed, caSeed } = settingsOf(view);
  const { provider, now } = tools;
  const gmsKey = provider.x25519KeyPair(gmsSeed).publicKey;
  const notBefore = unixSeconds(now - CLOCK_SLACK);
  return encodeGmsCertificate(
    provider,
    { gmsKey, notBefore, notAfter: unixSeconds(now + GMS_CERTIFICATE_LIFE) },
    caSeed,
  );
}
