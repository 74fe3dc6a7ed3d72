import { type Addon, loadAddon } from '../../src/native/addon.ts';

/** The addon; without it there is nothing to test here, and that is a failure. */
export function needAddon(): Addon {
  const loaded = loadAddon();
  if (typeof loaded === 'string') throw new Error(`${loaded}; run: sh scripts/build-native.sh`);
  return loaded;
}
