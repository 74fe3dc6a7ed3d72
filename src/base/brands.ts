/** Marks a primitive so that two kinds of it cannot be mixed; the cast sits in the maker functions of this file. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** A node, as 32 lower-case hex digits (16 bytes; protocol.md 1.3). */
export type NodeId = Brand<string, 'NodeId'>;
/** A group, as 32 lower-case hex digits (16 bytes; protocol.md 9.1). */
export type GroupId = Brand<string, 'GroupId'>;
/** The version `v` of a group key: a 32-bit number that only grows. */
export type KeyVersion = Brand<number, 'KeyVersion'>;
/** A receiver index: 32 bits, chosen by the receiver, low three bits the lane (protocol.md 5.4). */
export type SaIndex = Brand<number, 'SaIndex'>;
/** Milliseconds of the monotonic clock that the shell passes in. */
export type Millis = Brand<number, 'Millis'>;
/** Whole seconds since 1970, as certificates and leases carry them. */
export type UnixSeconds = Brand<number, 'UnixSeconds'>;

const HEX_16 = /^[0-9a-f]{32}$/;

export function nodeId(hex: string): NodeId {
  if (!HEX_16.test(hex)) throw new RangeError('a node id is 32 lower-case hex digits');
  return hex as NodeId;
}

export function groupId(hex: string): GroupId {
  if (!HEX_16.test(hex)) throw new RangeError('a group id is 32 lower-case hex digits');
  return hex as GroupId;
}

export function keyVersion(value: number): KeyVersion {
  return (value >>> 0) as KeyVersion;
}

export function saIndex(value: number): SaIndex {
  return (value >>> 0) as SaIndex;
}

export function millis(value: number): Millis {
  return value as Millis;
}

export function unixSeconds(value: number): UnixSeconds {
  return Math.floor(value) as UnixSeconds;
}
