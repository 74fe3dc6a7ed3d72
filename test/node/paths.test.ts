import { describe, expect, it } from 'vitest';
import { millis, nodeId } from '../../src/base/brands.ts';
import { type PathAddress, parsePath, pathAddress } from '../../src/base/path-address.ts';
import { MESSAGE } from '../../src/base/primitives.ts';
import { sourceOf } from '../../src/node/path-cache.ts';
import { PathBook } from '../../src/node/paths.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';

const PEER = nodeId('11'.repeat(16));
const book = () => new PathBook(new TypescriptPrimitives(nodePacketCipher));
const [one, two, six] = ['192.0.2.1:1', '192.0.2.2:2', '[2001:db8::3]:3'].map(pathAddress);

/** A row of a MESSAGE table, as if a message had come from there; the row is not the first. */
function messageFrom(path: PathAddress) {
  const { family, address, port } = parsePath(path);
  const messages = new Int32Array(3 * MESSAGE.stride);
  const at = 2 * MESSAGE.stride;
  const memory = new Int32Array(4);
  new Uint8Array(memory.buffer).set(address);
  messages[at + MESSAGE.family] = family;
  messages.set(memory, at + MESSAGE.address);
  messages[at + MESSAGE.port] = port;
  return { messages, at };
}

describe('the paths of a peer', () => {
  it('are tried in the order: the proved one, then hints, the newest first', () => {
    const paths = book();
    expect(paths.candidates(PEER)).toEqual([]);
    paths.hint(PEER, one);
    paths.hint(PEER, two);
    paths.hint(PEER, one);
    expect(paths.candidates(PEER)).toEqual([two, one]);
    paths.believe(PEER, one);
    expect(paths.candidates(PEER)).toEqual([one, two]);
    paths.believe(PEER, six);
    expect(paths.candidates(PEER)).toEqual([six, two, one]);
  });

  it('are those that the server says now; others stay, and so does all when it says nothing', () => {
    const paths = book();
    paths.hint(PEER, one);
    expect(paths.tell(PEER, [two, one])).toBe(true);
    expect(paths.candidates(PEER)).toEqual([two, one]);
    expect(paths.tell(PEER, [six])).toBe(true);
    expect(paths.candidates(PEER)).toEqual([six, one]);
    expect(paths.tell(PEER, [])).toBe(false);
    expect(paths.tell(PEER, [six])).toBe(false);
    expect(paths.candidates(PEER)).toEqual([six, one]);
  });

  it('keep one slot, whatever the address is, and each peer has its own', () => {
    const paths = book();
    const { slot } = paths.peer(PEER);
    expect(paths.believe(PEER, one).slot).toBe(slot);
    expect(paths.believe(PEER, six).slot).toBe(slot);
    expect(paths.peer(nodeId('22'.repeat(16))).slot).not.toBe(slot);
  });

  it('are not proved by hints', () => {
    const paths = book();
    paths.hint(PEER, one);
    expect(paths.peer(PEER).current).toBeUndefined();
  });

  it.each([one, six])('know a message that came on the path: %s', (path) => {
    const paths = book();
    const { slot } = paths.peer(PEER);
    const { messages, at } = messageFrom(path);
    expect(paths.hears(slot, messages, at, millis(5))).toBe(false);
    paths.believe(PEER, path);
    expect(paths.hears(slot, messages, at, millis(5))).toBe(true);
    for (const other of ['192.0.2.1:2', '192.0.2.9:1', '[2001:db8::3]:4', '[2001:db8::4]:3', '[2001:db9::3]:3']) {
      const { messages: foreign, at: row } = messageFrom(pathAddress(other));
      expect(paths.hears(slot, foreign, row, millis(5)), other).toBe(false);
    }
    expect(paths.hears(slot + 1, messages, at, millis(5))).toBe(false);
  });

  it('are told apart for more peers than fit at first', () => {
    const paths = book();
    const peers = Array.from({ length: 200 }, (_, n) => nodeId(n.toString(16).padStart(32, '0')));
    peers.forEach((peer, n) => {
      paths.believe(peer, pathAddress(`10.0.0.1:${1_000 + n}`));
    });
    peers.forEach((peer, n) => {
      const { messages, at } = messageFrom(pathAddress(`10.0.0.1:${1_000 + n}`));
      const found = peers.filter((each) => paths.hears(paths.peer(each).slot, messages, at, millis(5)));
      expect(found).toEqual([peer]);
    });
  });
});

describe('the source of a message', () => {
  it.each([one, two, six, pathAddress('255.255.255.255:65535'), pathAddress('[::1]:1')])('is spelled %s', (path) => {
    const { messages, at } = messageFrom(path);
    expect(sourceOf(messages, at)).toBe(path);
    expect(sourceOf(messages, at)).toBe(path);
  });

  it('is the right one for any number of sources', () => {
    for (let n = 0; n < 10_000; n++) {
      const path = pathAddress(`10.${n >> 8}.${n & 255}.7:${1 + (n % 60_000)}`);
      const { messages, at } = messageFrom(path);
      expect(sourceOf(messages, at)).toBe(path);
    }
  });
});
