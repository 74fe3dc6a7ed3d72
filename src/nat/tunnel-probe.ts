import type { NodeId } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, equalConstantTime, fromHex, utf8 } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { NAT_KIND, NAT_LABEL, NAT_SIZE, NAT_VERSION } from './constants.ts';
import { ENDPOINT_BYTES, readEndpoint, writeEndpoint } from './endpoint.ts';
import type { NatFault } from './fault.ts';

/*
 * Tunnel Request 38 and Tunnel Response 39, 94 bytes each (protocol.md 6.1)
 *
 *   0      1         2       4           12        24              43        62     94
 *   +------+---------+-------+-----------+---------+---------------+---------+------+
 *   | kind | version | 0 × 2 | path_id 8 | txid 12 | destination 19| seen 19 | MAC  |
 *   +------+---------+-------+-----------+---------+---------------+---------+------+
 *
 *   destination: where the sender of this message sent it to. seen: where the request came from; zero in a request,
 *   so that a response is no longer than what it answers (protocol.md N3).
 *   MAC: HMAC(TempKey, label ‖ path_id ‖ sender 16 ‖ receiver 16 ‖ txid ‖ destination ‖ 0 (direct) ‖ seen)
 */

export interface TunnelProbe {
  readonly kind: 'request' | 'response';
  /** 8 bytes, given by the DC */
  readonly pathId: Uint8Array;
  /** 12 bytes, chosen by the asker */
  readonly txid: Uint8Array;
  readonly destination: PathAddress;
  /** in a response only */
  readonly seen: PathAddress | undefined;
}

/** What a probe is authenticated by: the key that the DC gave both, and who they are. */
export interface ProbeKey {
  readonly tempKey: Uint8Array;
  readonly sender: NodeId;
  readonly receiver: NodeId;
}

export interface SignedProbe extends TunnelProbe {
  readonly mac: Uint8Array;
}

const MAC_AT = 62;
/** A probe never travels through a relay (protocol.md 1.2): the byte for it is fixed. */
const DIRECT = Uint8Array.of(0);

export function encodeTunnelProbe(provider: CryptoProvider, key: ProbeKey, probe: TunnelProbe): Uint8Array {
  const { kind, pathId, txid, destination, seen } = probe;
  const writer = new ByteWriter(NAT_SIZE.tunnel).u8(
    kind === 'request' ? NAT_KIND.tunnelRequest : NAT_KIND.tunnelResponse,
  );
  writer.u8(NAT_VERSION).zeros(2).raw(pathId).raw(txid);
  writeEndpoint(writeEndpoint(writer, destination), seen);
  return writer.raw(probeMac(provider, key, kind, writer.bytes)).finish();
}

/** The fields, not yet authenticated: the path id tells which key they must be checked with. */
export function decodeTunnelProbe(bytes: Uint8Array): SignedProbe | NatFault {
  if (bytes.length !== NAT_SIZE.tunnel) return 'length';
  const reader = new ByteReader(bytes);
  const code = reader.u8();
  if (code !== NAT_KIND.tunnelRequest && code !== NAT_KIND.tunnelResponse) return 'kind';
  if (reader.u8() !== NAT_VERSION) return 'version';
  if (!reader.zeros(2)) return 'pad';
  const [pathId, txid] = [reader.raw(8), reader.raw(12)];
  const [destination, seen] = [readEndpoint(reader), readEndpoint(reader)];
  const kind = code === NAT_KIND.tunnelRequest ? 'request' : 'response';
  if (!destination || seen === null || (seen === undefined) !== (kind === 'request')) return 'endpoint';
  return { kind, pathId, txid, destination, seen, mac: reader.raw(32) };
}

/** Was this datagram, which `decodeTunnelProbe` took, made by `key.sender` for `key.receiver`? */
export function isAuthenticProbe(
  provider: CryptoProvider,
  key: ProbeKey,
  bytes: Uint8Array,
  { kind, mac }: SignedProbe,
): boolean {
  return equalConstantTime(probeMac(provider, key, kind, bytes), mac);
}

function probeMac(
  provider: CryptoProvider,
  { tempKey, sender, receiver }: ProbeKey,
  kind: TunnelProbe['kind'],
  bytes: Uint8Array,
): Uint8Array {
  const [pathId, txid] = [bytes.subarray(4, 12), bytes.subarray(12, 24)];
  const destination = bytes.subarray(24, 24 + ENDPOINT_BYTES);
  const seen = bytes.subarray(24 + ENDPOINT_BYTES, MAC_AT);
  const label = utf8(NAT_LABEL[kind]);
  const nodes = concat(fromHex(sender), fromHex(receiver));
  return provider.hmac(tempKey, concat(label, pathId, nodes, txid, destination, DIRECT, seen));
}
