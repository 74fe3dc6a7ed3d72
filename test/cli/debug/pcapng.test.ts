import { describe, expect, it } from 'vitest';
import { pcapngHeader, pcapngPacket } from '../../../src/cli/debug/pcapng.ts';

/** Blocks of a file by type and body; throws where a length is not what it says at both ends. */
function blocks(file: Uint8Array): { readonly type: number; readonly body: Buffer }[] {
  const bytes = Buffer.from(file);
  const found: { type: number; body: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    expect([length % 4, bytes.readUInt32LE(at + length - 4)]).toEqual([0, length]);
    found.push({ type: bytes.readUInt32LE(at), body: bytes.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return found;
}

describe('a capture file', () => {
  it('begins with a section and one interface of raw IP', () => {
    const [section, link] = blocks(pcapngHeader('five!', 'gscip0'));
    expect(section?.type).toBe(0x0a0d0d0a);
    expect(section?.body.toString('hex')).toMatch(/^4d3c2b1a01000000f{16}0100050066697665210000000{8}$/);
    expect(link).toMatchObject({ type: 1 });
    expect(link?.body.readUInt16LE(0)).toBe(101);
  });

  it('holds a packet with its time, its lengths and its direction', () => {
    const at = 1_767_225_600_123.456;
    const [{ type, body }] = blocks(pcapngPacket(Uint8Array.of(0x45, 1, 2, 3, 4), 1_500, at, 'out')) as [
      { type: number; body: Buffer },
    ];
    expect([type, body.readUInt32LE(0), body.readUInt32LE(12), body.readUInt32LE(16)]).toEqual([6, 0, 5, 1_500]);
    expect(body.readUInt32LE(4) * 2 ** 32 + body.readUInt32LE(8)).toBe(1_767_225_600_123_456);
    expect(body.subarray(20).toString('hex')).toBe('45010203040000000200040002000000' + '00000000');
  });
});
