import { CID_SIZE, type Cid } from './cid.ts';
import { FLOW } from './flow-words.ts';

/** The CID of FLOW words. */
export function cidOfWords(words: Int32Array): Cid {
  return {
    family: words[FLOW.head] >>> 8 === 4 ? 4 : 6,
    protocol: words[FLOW.head] & 0xff,
    source: addressOfWords(words, FLOW.source),
    destination: addressOfWords(words, FLOW.destination),
    sourcePort: words[FLOW.ports] >>> 16,
    destinationPort: words[FLOW.ports] & 0xffff,
  };
}

/** Writes the CID words of a CID; the other FLOW words stay as they are. */
export function wordsOfCid(cid: Cid, words: Int32Array): void {
  words[FLOW.head] = (cid.family << 8) | cid.protocol;
  writeAddressWords(cid.source, words, FLOW.source);
  writeAddressWords(cid.destination, words, FLOW.destination);
  words[FLOW.ports] = (cid.sourcePort << 16) | cid.destinationPort;
}

/** Writes the 38 bytes of a CID straight from FLOW words. */
export function encodeWords(words: Int32Array, out: DataView, at: number): number {
  out.setUint16(at, words[FLOW.head]);
  for (let word = 0; word < 8; word++) out.setInt32(at + 2 + 4 * word, words[FLOW.source + word]);
  out.setInt32(at + 34, words[FLOW.ports]);
  return CID_SIZE;
}

/** The 16 bytes of the address in four words. */
function addressOfWords(words: Int32Array, at: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < 4; word++) view.setInt32(4 * word, words[at + word]);
  return bytes;
}

/** Writes the four words of a 16-byte address. */
export function writeAddressWords(address: Uint8Array, words: Int32Array, at: number): void {
  const view = new DataView(address.buffer, address.byteOffset, 16);
  for (let word = 0; word < 4; word++) words[at + word] = view.getInt32(4 * word);
}

/** A Map key for an address: the last word itself for IPv4, the four words as text for IPv6. */
export type AddressKey = number | string;

/** The key of the address in the four FLOW words at `at`. */
export function addressKey(words: Int32Array, at: number): AddressKey {
  const last = words[at + 3];
  if (words[FLOW.head] >>> 8 === 4) return last;
  return `${words[at]},${words[at + 1]},${words[at + 2]},${last}`;
}

/** Writes the four words of an address key at `at`; returns the family. */
export function wordsOfKey(key: AddressKey, words: Int32Array, at: number): 4 | 6 {
  if (typeof key === 'number') {
    words.fill(0, at, at + 3);
    words[at + 3] = key;
    return 4;
  }
  words.set(key.split(',').map(Number), at);
  return 6;
}
