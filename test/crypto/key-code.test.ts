import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupId } from '../../src/base/brands.ts';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { deriveGroupKeys } from '../../src/crypto/group-key.ts';
import { decodeKeyCode, encodeKeyCode } from '../../src/crypto/key-code.ts';
import { decodeKeyFile, encodeKeyFile, enteredGroup } from '../../src/crypto/key-file.ts';
import { nobleProvider as provider } from '../../src/crypto/noble-provider.ts';

const secret = Uint8Array.from({ length: 16 }, (_, i) => i * 17);
const code = encodeKeyCode(provider, secret);

describe('a key code', () => {
  it('is the same text for the same bits for ever', () => {
    expect(code).toBe('gsk1-008J4-CT4AN-K7F24-SNAXW-SQFEZ-XRM74');
  });

  it('gives back its 128 bits', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bits) => {
        expect(decodeKeyCode(provider, encodeKeyCode(provider, bits))).toEqual(bits);
      }),
    );
  });

  it.each([
    ['lower case', code.toLowerCase()],
    ['without hyphens', code.replaceAll('-', '')],
    ['with spaces', ` ${code.replaceAll('-', ' ')} `],
    ['without the first word', code.slice(5)],
    ['with O for 0 and L for 1', code.slice(5).replaceAll('0', 'O').replaceAll('1', 'l')],
  ])('may be typed %s', (_, text) => {
    expect(decodeKeyCode(provider, text)).toEqual(secret);
  });

  it.each([
    ['', 'too-short'],
    ['correct horse battery', 'too-short'],
    [code.slice(0, -1), 'too-short'],
    [`${code}7`, 'too-long'],
    [`${code.slice(0, -1)}U`, 'letter'],
    [`${code.slice(0, -1)}é`, 'letter'],
  ])('%s is refused: %s', (text, fault) => {
    expect(decodeKeyCode(provider, text)).toBe(fault);
  });

  it('with one wrong letter, or two exchanged, is refused', () => {
    const letters = [...code.slice(5).replaceAll('-', '')];
    for (const [at, letter] of letters.entries()) {
      const wrong = letters.with(at, letter === 'A' ? 'B' : 'A').join('');
      expect(decodeKeyCode(provider, wrong)).toBe('checksum');
      const next = letters[at + 1];
      if (next === undefined || next === letter) continue;
      expect(
        decodeKeyCode(
          provider,
          letters
            .with(at, next)
            .with(at + 1, letter)
            .join(''),
        ),
      ).toBe('checksum');
    }
  });

  it('of random letters is refused nearly always: 22 bits of checksum', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'), { minLength: 30, maxLength: 30 }),
        (letters) => {
          expect(decodeKeyCode(provider, letters.join(''))).toBe('checksum');
        },
      ),
      { seed: 1 },
    );
  });
});

describe('a group entered by hand', () => {
  const group = enteredGroup(provider, 'lab', secret);

  it('is the same for all who enter the same code under the same name, in whatever Unicode form', () => {
    expect(enteredGroup(provider, 'lab', secret)).toEqual(group);
    expect(enteredGroup(provider, 'caf\u00e9', secret)).toEqual(enteredGroup(provider, 'cafe\u0301', secret));
  });

  it('has the keys that every group has of its parts, which are made of the code', () => {
    const prk = provider.hkdfExtract(utf8('gscip1 code key'), secret);
    const part = (label: string) => provider.hkdfExpand(prk, utf8(`${label}lab`), 32);
    const id = groupId(toHex(part('gscip1 code id').subarray(0, 16)));
    const parts = { groupId: id, name: 'lab', r: 0, v: 1, rn1: part('gscip1 code rn1'), rn2: part('gscip1 code rn2') };
    expect(group).toEqual({ groupId: id, name: 'lab', keys: deriveGroupKeys(provider, parts) });
  });

  it('differs with the name and with the code', () => {
    const others = [enteredGroup(provider, 'lab2', secret), enteredGroup(provider, 'lab', secret.toReversed())];
    for (const other of others) {
      expect(other.groupId).not.toBe(group.groupId);
      expect(toHex(other.keys.kPsk)).not.toBe(toHex(group.keys.kPsk));
    }
  });

  it('is kept in a file without the code', () => {
    const file = encodeKeyFile(group);
    expect(decodeKeyFile(file)).toEqual(group);
    expect(toHex(file)).not.toContain(toHex(secret));
  });

  it('is read from nothing but such a file', () => {
    const file = encodeKeyFile(group);
    expect(decodeKeyFile(file.subarray(0, -1))).toBe('key-file-encoding');
    expect(decodeKeyFile(new Uint8Array(0))).toBe('key-file-encoding');
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = file.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(decodeKeyFile(changed)).not.toEqual(group);
      }),
    );
  });
});
