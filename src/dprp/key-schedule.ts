import type { NodeId } from '../base/brands.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, fromHex, utf8, wipe } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { LaneKey } from './effects.ts';

/** What the keys of an SA are bound to, besides the transcript. */
export interface KeyContext {
  readonly nodeI: NodeId;
  readonly nodeR: NodeId;
  /** 32 hex digits */
  readonly group: string;
  readonly r: number;
  readonly v: number;
  readonly suite: number;
  readonly indexI: number;
  readonly indexR: number;
}

/** Everything that comes out of a handshake; data keys exist for each lane (protocol.md 2.4). */
export interface SaKeys {
  readonly cdn: Uint8Array;
  readonly exporter: Uint8Array;
  readonly initiatorToResponder: readonly LaneKey[];
  readonly responderToInitiator: readonly LaneKey[];
}

/** h, ck: the transcript hash and chaining key after MPIT. PRK is erased before the function returns (K5). */
export function deriveSaKeys(
  provider: CryptoProvider,
  h: Uint8Array,
  ck: Uint8Array,
  context: KeyContext,
  lanes: number,
): SaKeys {
  const prk = provider.hkdfExtract(h, ck);
  const ctx = hashContext(provider, context);
  const key = (label: string) => provider.hkdfExpand(prk, concat(utf8(`gscip1 ${label}`), ZERO, ctx), 32);
  const lane = (label: string, j: number, length: number) =>
    provider.hkdfExpand(prk, concat(utf8('gscip1 lane'), Uint8Array.of(j), utf8(label), ZERO, ctx), length);
  const direction = (name: 'i2r' | 'r2i') =>
    Array.from({ length: lanes }, (_, j) => ({
      key: lane(`data ${name} key`, j, 32),
      iv: lane(`data ${name} iv`, j, 12),
    }));
  const keys: SaKeys = {
    cdn: key('cdn'),
    exporter: key('exporter'),
    initiatorToResponder: direction('i2r'),
    responderToInitiator: direction('r2i'),
  };
  wipe(prk);
  return keys;
}

/** Overwrites the keys of one direction. */
export function wipeLanes(lanes: readonly LaneKey[]): void {
  for (const lane of lanes) wipe(lane.key, lane.iv);
}

const ZERO = Uint8Array.of(0);

function hashContext(provider: CryptoProvider, context: KeyContext): Uint8Array {
  return provider.sha256(
    new ByteWriter(16 + 16 + 16 + 4 + 4 + 1 + 4 + 4)
      .raw(fromHex(context.nodeI))
      .raw(fromHex(context.nodeR))
      .raw(fromHex(context.group))
      .u32(context.r)
      .u32(context.v)
      .u8(context.suite)
      .u32(context.indexI)
      .u32(context.indexR)
      .finish(),
  );
}
