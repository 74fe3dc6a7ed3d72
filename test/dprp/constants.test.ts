import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import * as constants from '../../src/dprp/constants.ts';

describe('the specification values', () => {
  it('are frozen: a change of one is a new protocol version', () => {
    const listed = Object.entries(constants).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(toHex(nodeProvider.sha256(utf8(JSON.stringify(listed)))).slice(0, 32)).toBe(
      '4d10f2a76efaad41186e34035f9cceee',
    );
  });
});
