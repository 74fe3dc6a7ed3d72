import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';

/** Both implementations: the same rows run over each. */
export const PROVIDERS = [
  ['noble', nobleProvider],
  ['node', nodeProvider],
] as const;
