import { type NodeId, nodeId } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, equalConstantTime, fromHex, isZero, toHex, utf8 } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { NAT_KIND, NAT_LABEL, NAT_SIZE, NAT_VERSION } from './constants.ts';
import { readEndpoint, writeEndpoint } from './endpoint.ts';
import type { NatFault } from './fault.ts';

/*
 * A node binds its address to a channel of a relay (protocol.md 7).
 *
 *   BIND 3c           kind · version · 0 × 2 · channel 4 · node 16 · seq 8 · nonce 16 · challenge 16 · MAC 32 = 96
 *   BIND-CHALLENGE 3d kind · version · 0 × 2 · channel 4 · seq 8 · challenge 16                             = 32
 *   BIND-ACK 3e       kind · version · status 1 · 0 · channel 4 · seq 8 · nonce 16 · seen 19 · MAC 32       = 83
 *
 *   node                                  relay
 *     │ BIND, challenge 0 ───────────────► │ MAC and seq good: nothing is kept
 *     │ ◄─────────────── BIND-CHALLENGE    │ challenge = HMAC(own secret, node ‖ source)[0..16]
 *     │ BIND, the same with challenge ───► │ the source is proved: bound
 *     │ ◄───────────────────── BIND-ACK    │
 *
 *   Both MACs are under the node's relay key, over label and all bytes before. A challenge is good for all channels, so that
 *   the BINDs that follow from the same address carry it at once. A BIND for channel 0 binds nothing: with its challenge it
 *   is answered by a BIND-ACK with status 1, so that a node may measure how far the relay is and prove its address ahead.
 */

export interface Bind {
  readonly kind: 'bind';
  readonly channel: number;
  readonly node: NodeId;
  /** grows with each binding of this node, also over restarts: milliseconds since 1970, made larger than the last one */
  readonly seq: number;
  /** 16 bytes */
  readonly nonce: Uint8Array;
  /** 16 bytes; undefined before the relay's challenge */
  readonly challenge: Uint8Array | undefined;
}

export interface BindChallenge {
  readonly kind: 'bind-challenge';
  readonly channel: number;
  readonly seq: number;
  readonly challenge: Uint8Array;
}

export const BIND_STATUS = ['bound', 'unknown-channel', 'quota', 'refused'] as const;
export type BindStatus = (typeof BIND_STATUS)[number];

export interface BindAck {
  readonly kind: 'bind-ack';
  readonly status: BindStatus;
  readonly channel: number;
  readonly seq: number;
  readonly nonce: Uint8Array;
  /** where the relay sees the node */
  readonly seen: PathAddress;
}

/** No channel has this number. */
export const MEASURING_CHANNEL = 0;
const MAC_BYTES = 32;

export function encodeBind(provider: CryptoProvider, key: Uint8Array, bind: Bind): Uint8Array {
  const writer = head(NAT_SIZE.bind, NAT_KIND.bind, 0, bind.channel).raw(fromHex(bind.node));
  writeSeq(writer, bind.seq).raw(bind.nonce);
  if (bind.challenge === undefined) writer.zeros(16);
  else writer.raw(bind.challenge);
  return writer.raw(mac(provider, key, 'bind', writer.bytes)).finish();
}

export function encodeBindChallenge({ channel, seq, challenge }: BindChallenge): Uint8Array {
  return writeSeq(head(NAT_SIZE.bindChallenge, NAT_KIND.bindChallenge, 0, channel), seq)
    .raw(challenge)
    .finish();
}

export function encodeBindAck(provider: CryptoProvider, key: Uint8Array, ack: BindAck): Uint8Array {
  const writer = head(NAT_SIZE.bindAck, NAT_KIND.bindAck, BIND_STATUS.indexOf(ack.status), ack.channel);
  writeEndpoint(writeSeq(writer, ack.seq).raw(ack.nonce), ack.seen);
  return writer.raw(mac(provider, key, 'bindAck', writer.bytes)).finish();
}

/** Any message of a binding, not yet authenticated. */
export function decodeBinding(bytes: Uint8Array): Bind | BindChallenge | BindAck | NatFault {
  if (bytes.length < NAT_SIZE.bindChallenge) return 'length';
  const reader = new ByteReader(bytes);
  const [kind, version, status] = [reader.u8(), reader.u8(), reader.u8()];
  if (version !== NAT_VERSION) return 'version';
  if (!reader.zeros(1)) return 'pad';
  const channel = reader.u32();
  switch (kind) {
    case NAT_KIND.bind:
      return status === 0 ? readBind(bytes, reader, channel) : 'pad';
    case NAT_KIND.bindChallenge:
      return status === 0 ? readChallenge(bytes, reader, channel) : 'pad';
    case NAT_KIND.bindAck:
      return readAck(bytes, reader, channel, status);
    default:
      return 'kind';
  }
}

/** Was this BIND or BIND-ACK made by one who holds the node's relay key? */
export function isAuthenticBinding(provider: CryptoProvider, key: Uint8Array, bytes: Uint8Array): boolean {
  const label = bytes[0] === NAT_KIND.bind ? 'bind' : 'bindAck';
  return equalConstantTime(mac(provider, key, label, bytes), bytes.subarray(bytes.length - MAC_BYTES));
}

function readBind(bytes: Uint8Array, reader: ByteReader, channel: number): Bind | NatFault {
  if (bytes.length !== NAT_SIZE.bind) return 'length';
  const node = nodeId(toHex(reader.raw(16)));
  const seq = readSeq(reader);
  if (seq === undefined) return 'sequence';
  const [nonce, challenge] = [reader.raw(16), reader.raw(16)];
  return { kind: 'bind', channel, node, seq, nonce, challenge: isZero(challenge) ? undefined : challenge };
}

function readChallenge(bytes: Uint8Array, reader: ByteReader, channel: number): BindChallenge | NatFault {
  if (bytes.length !== NAT_SIZE.bindChallenge) return 'length';
  const seq = readSeq(reader);
  return seq === undefined ? 'sequence' : { kind: 'bind-challenge', channel, seq, challenge: reader.raw(16) };
}

function readAck(bytes: Uint8Array, reader: ByteReader, channel: number, code: number): BindAck | NatFault {
  if (bytes.length !== NAT_SIZE.bindAck) return 'length';
  const status = BIND_STATUS[code];
  if (status === undefined) return 'status';
  const seq = readSeq(reader);
  if (seq === undefined) return 'sequence';
  const [nonce, seen] = [reader.raw(16), readEndpoint(reader)];
  return seen ? { kind: 'bind-ack', status, channel, seq, nonce, seen } : 'endpoint';
}

function head(size: number, kind: number, status: number, channel: number): ByteWriter {
  return new ByteWriter(size).u8(kind).u8(NAT_VERSION).u8(status).zeros(1).u32(channel);
}

/** 64 bits on the wire, of which 53 may be used; undefined when more are. */
function readSeq(reader: ByteReader): number | undefined {
  const value = reader.u32() * 2 ** 32 + reader.u32();
  return Number.isSafeInteger(value) ? value : undefined;
}

function writeSeq(writer: ByteWriter, seq: number): ByteWriter {
  return writer.u32(Math.floor(seq / 2 ** 32)).u32(seq % 2 ** 32);
}

function mac(provider: CryptoProvider, key: Uint8Array, label: 'bind' | 'bindAck', bytes: Uint8Array): Uint8Array {
  return provider.hmac(key, concat(utf8(NAT_LABEL[label]), bytes.subarray(0, bytes.length - MAC_BYTES)));
}
