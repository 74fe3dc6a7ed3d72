import { describe, expect, it } from 'vitest';
import { type PathAddress, parsePath, pathAddress } from '../../../src/base/path-address.ts';
import { MESSAGE } from '../../../src/base/primitives.ts';
import { encodeFrame } from '../../../src/nat/relay-frame.ts';
import { FrameGate } from '../../../src/node/reach/frame-gate.ts';

const [HERE, THERE] = ['198.51.100.1:47249', '198.51.100.2:47249'].map(pathAddress);
const CHANNEL = 637_802_016;

/** How a frame of the channel with a data record fares that comes from there. */
function passes(gate: FrameGate, from: PathAddress): boolean {
  const arena = new Uint8Array(60);
  arena.set(encodeFrame(CHANNEL));
  arena[8] = 0x10;
  const { family, address, port } = parsePath(from);
  const messages = new Int32Array(4 * MESSAGE.stride);
  const memory = new Int32Array(4);
  new Uint8Array(memory.buffer).set(address);
  messages[MESSAGE.length] = arena.length;
  messages[MESSAGE.segment] = arena.length;
  messages[MESSAGE.family] = family;
  messages.set(memory, MESSAGE.address);
  messages[MESSAGE.port] = port;
  return gate.pass(arena, messages, 1) === 1;
}

describe('the gate of relayed datagrams', () => {
  it('N5: takes a channel from the relay that it was bound at, and from no other', () => {
    const counted: string[] = [];
    const gate = new FrameGate((name) => counted.push(name));
    expect(passes(gate, HERE)).toBe(false);
    gate.open(HERE, CHANNEL);
    expect([passes(gate, HERE), passes(gate, THERE)]).toEqual([true, false]);
    gate.close(HERE, CHANNEL);
    expect(passes(gate, HERE)).toBe(false);
    expect(counted).toEqual(['frame-unbound', 'frame-unbound', 'frame-unbound']);
  });

  it('keeps a channel open that moved to another address of its relay when the old one is given up', () => {
    const gate = new FrameGate(() => undefined);
    gate.open(HERE, CHANNEL);
    gate.open(THERE, CHANNEL);
    gate.close(HERE, CHANNEL);
    expect([passes(gate, THERE), passes(gate, HERE)]).toEqual([true, false]);
  });
});
