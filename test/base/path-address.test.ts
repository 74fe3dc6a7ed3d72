import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../src/base/ip-address.ts';
import { formatPath, parsePath, pathAddress, relayPath } from '../../src/base/path-address.ts';

describe('a path address', () => {
  it.each([
    ['10.0.0.1:47247', '10.0.0.1:47247'],
    ['[2001:DB8:0:0::1]:47247', '[2001:db8::1]:47247'],
    ['[::ffff:1.2.3.4]:1', '[::ffff:102:304]:1'],
    ['[fd00::]:65535', '[fd00::]:65535'],
  ])('%s is spelled %s', (text, spelled) => {
    expect(pathAddress(text)).toBe(spelled);
  });

  it.each([
    '',
    '10.0.0.1',
    '10.0.0.1:',
    '10.0.0.1:65536',
    '10.0.0.1:01',
    '10.0.0.256:1',
    '010.0.0.1:1',
    '0x7f.1:1',
    '2001:db8::1:47247',
    '[10.0.0.1]:1',
    '[fe80::1%eth0]:1',
    '[::1]',
    ' 10.0.0.1:1',
    'host:1',
  ])('is not %j', (text) => {
    expect(() => pathAddress(text)).toThrow(RangeError);
  });

  it('gives back the parts it was made of', () => {
    const family = fc.constantFrom<4 | 6>(4, 6);
    fc.assert(
      fc.property(
        family.chain((f) =>
          fc.tuple(fc.constant(f), fc.uint8Array({ minLength: f === 4 ? 4 : 16, maxLength: f === 4 ? 4 : 16 })),
        ),
        fc.nat(0xffff),
        ([f, address], port) => {
          expect(parsePath(formatPath(f, address, port))).toEqual({ family: f, address, port, channel: 0 });
        },
      ),
    );
  });

  it('names the channel of the relay that it leads through', () => {
    const path = relayPath(pathAddress('[2001:db8::9]:47249'), 0xffff_ffff);
    expect(path).toBe('relay:[2001:db8::9]:47249#4294967295');
    expect(parsePath(path)).toMatchObject({ family: 6, port: 47_249, channel: 0xffff_ffff });
  });
});

describe('a written address', () => {
  it.each([
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.04',
    '1.2.3.-4',
    '300.1.1.1',
    '1',
    '::g',
    '1::2::3',
    'fe80::1%1',
    '',
    ' ::1',
  ])('is not %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('never makes the parser throw, and any address has one spelling', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 40 }), fc.ipV6(), fc.ipV4()), (text) => {
        const bytes = parseAddress(text);
        if (bytes !== null) expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
    );
  });
});
