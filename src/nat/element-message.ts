import { type NodeId, nodeId } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { ENDPOINT_BYTES, readEndpoint, writeEndpoint } from './endpoint.ts';
import type { NatFault } from './fault.ts';

/*
 * What an element and the GEN above it say to each other inside their session (protocol.md 8.4). type 1, then
 *
 *   01 OPEN      → GEN  request 4 · endpoint 19    a channel to this outer address, please
 *   02 CHANNEL   ← GEN  request 4 · channel 4 · endpoint 19    request 0: somebody there begins
 *   03 REFUSED   ← GEN  request 4 · reason 1
 *   04 KEEP      → GEN
 *   05 KEPT      ← GEN
 *   06 BELOW     → GEN  CA part 200    an element that is below the sender
 *   07 WANTED    → GEN  node 16 · endpoint 19    the certificate of an element there
 *   08 CERTIFICATE  ← GEN  CA part 200
 *   09 PLACE    ← GEN  endpoint 19 × 8    where others reach the GEN, and through it the element; zero where there are fewer
 */

const TYPE = {
  open: 1,
  channel: 2,
  refused: 3,
  keep: 4,
  kept: 5,
  below: 6,
  wanted: 7,
  certificate: 8,
  place: 9,
} as const;
const CA_PART = 200;
const NODE = 16;
/** Endpoints in PLACE. */
export const PLACE_ENDPOINTS = 8;

/** Why a GEN gives no channel: the address is inside of it, is none that datagrams may go to, or there are too many. */
export const CHANNEL_REFUSAL = { inside: 1, forbidden: 2, full: 3 } as const;
export type ChannelRefusal = keyof typeof CHANNEL_REFUSAL;

export type ElementMessage =
  | { readonly type: 'open'; readonly request: number; readonly endpoint: PathAddress }
  | { readonly type: 'channel'; readonly request: number; readonly channel: number; readonly endpoint: PathAddress }
  | { readonly type: 'refused'; readonly request: number; readonly reason: ChannelRefusal }
  | { readonly type: 'keep' }
  | { readonly type: 'kept' }
  | { readonly type: 'below' | 'certificate'; readonly caPart: Uint8Array }
  | { readonly type: 'wanted'; readonly node: NodeId; readonly endpoint: PathAddress }
  | { readonly type: 'place'; readonly endpoints: readonly PathAddress[] };

export function encodeElementMessage(message: ElementMessage): Uint8Array {
  const start = (length: number) => new ByteWriter(1 + length).u8(TYPE[message.type]);
  switch (message.type) {
    case 'open':
      return writeEndpoint(start(4 + ENDPOINT_BYTES).u32(message.request), message.endpoint).finish();
    case 'channel': {
      const writer = start(8 + ENDPOINT_BYTES)
        .u32(message.request)
        .u32(message.channel);
      return writeEndpoint(writer, message.endpoint).finish();
    }
    case 'refused':
      return start(5).u32(message.request).u8(CHANNEL_REFUSAL[message.reason]).finish();
    case 'keep':
    case 'kept':
      return start(0).finish();
    case 'wanted':
      return writeEndpoint(start(NODE + ENDPOINT_BYTES).raw(fromHex(message.node)), message.endpoint).finish();
    case 'place': {
      const writer = start(PLACE_ENDPOINTS * ENDPOINT_BYTES);
      for (let at = 0; at < PLACE_ENDPOINTS; at++) writeEndpoint(writer, message.endpoints[at]);
      return writer.finish();
    }
    case 'below':
    case 'certificate':
      return start(CA_PART).raw(message.caPart).finish();
    default:
      return unreachable(message);
  }
}

const LENGTH: Readonly<Record<number, number>> = {
  [TYPE.open]: 5 + ENDPOINT_BYTES,
  [TYPE.channel]: 9 + ENDPOINT_BYTES,
  [TYPE.refused]: 6,
  [TYPE.keep]: 1,
  [TYPE.kept]: 1,
  [TYPE.below]: 1 + CA_PART,
  [TYPE.wanted]: 1 + NODE + ENDPOINT_BYTES,
  [TYPE.certificate]: 1 + CA_PART,
  [TYPE.place]: 1 + PLACE_ENDPOINTS * ENDPOINT_BYTES,
};

export function decodeElementMessage(bytes: Uint8Array): ElementMessage | NatFault {
  const reader = new ByteReader(bytes);
  if (bytes.length === 0) return 'length';
  const type = reader.u8();
  if (LENGTH[type] === undefined) return 'message';
  if (LENGTH[type] !== bytes.length) return 'length';
  switch (type) {
    case TYPE.keep:
      return { type: 'keep' };
    case TYPE.kept:
      return { type: 'kept' };
    case TYPE.below:
      return { type: 'below', caPart: reader.raw(CA_PART) };
    case TYPE.certificate:
      return { type: 'certificate', caPart: reader.raw(CA_PART) };
    case TYPE.wanted:
      return readWanted(reader);
    case TYPE.place:
      return readPlace(reader);
    case TYPE.refused:
      return readRefusal(reader);
    default:
      return readChannel(reader, type === TYPE.open);
  }
}

function readChannel(reader: ByteReader, isOpen: boolean): ElementMessage | NatFault {
  const request = reader.u32();
  const channel = isOpen ? 0 : reader.u32();
  const endpoint = readEndpoint(reader);
  if (!endpoint) return 'endpoint';
  if (isOpen) return { type: 'open', request, endpoint };
  return channel === 0 ? 'channel' : { type: 'channel', request, channel, endpoint };
}

function readWanted(reader: ByteReader): ElementMessage | NatFault {
  const node = nodeId(toHex(reader.raw(NODE)));
  const endpoint = readEndpoint(reader);
  return endpoint ? { type: 'wanted', node, endpoint } : 'endpoint';
}

function readPlace(reader: ByteReader): ElementMessage | NatFault {
  const endpoints: PathAddress[] = [];
  for (let at = 0; at < PLACE_ENDPOINTS; at++) {
    const endpoint = readEndpoint(reader);
    if (endpoint === null || (endpoint !== undefined && endpoints.length < at)) return 'endpoint';
    if (endpoint !== undefined) endpoints.push(endpoint);
  }
  return { type: 'place', endpoints };
}

function readRefusal(reader: ByteReader): ElementMessage | NatFault {
  const request = reader.u32();
  const code = reader.u8();
  const reasons: readonly ChannelRefusal[] = ['inside', 'forbidden', 'full'];
  const reason = reasons.find((name) => CHANNEL_REFUSAL[name] === code);
  return reason === undefined ? 'reason' : { type: 'refused', request, reason };
}
