import { expect, it } from 'vitest';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { addonProvider } from '../../src/node/addon-provider.ts';

const addon = loadAddon();
if (typeof addon === 'string')
  it('the addon is there to be tested', () =>
    expect.fail(`the addon is not built (${addon}); run: sh scripts/build-native.sh`));

/** All implementations: the same rows run over each. */
export const PROVIDERS: readonly (readonly [string, CryptoProvider])[] = [
  ['noble', nobleProvider],
  ['node', nodeProvider],
  ...(typeof addon === 'string' ? [] : [['addon', addonProvider(addon)] as const]),
];
