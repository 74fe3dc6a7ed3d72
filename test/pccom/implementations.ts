import { describe, expect, it } from 'vitest';
import type { PacketPrimitives } from '../../src/base/primitives.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';
import { Bench } from './primitive-kit.ts';

const addon = loadAddon();

/** The addon, or why it cannot be tested. */
export function addonOrReason(): PacketPrimitives | string {
  return typeof addon === 'string' ? `the addon is not built (${addon}); run: sh scripts/build-native.sh` : addon;
}

/** Runs the same tests over the TypeScript twin and the addon. Without a built addon its part fails, it is never skipped. */
export function describeImplementations(title: string, body: (primitives: PacketPrimitives) => void): void {
  describe(`${title} (typescript)`, () => body(new TypescriptPrimitives(nodePacketCipher)));
  describe(`${title} (addon)`, () => {
    const loaded = addonOrReason();
    if (typeof loaded !== 'string') body(loaded);
    else it('the addon is there to be tested', () => expect.fail(loaded));
  });
}

/** Runs an action with fresh slots and gives them back, whatever happens. */
export function withBench<T>(primitives: PacketPrimitives, action: (bench: Bench) => T): T {
  const bench = new Bench(primitives);
  try {
    return action(bench);
  } finally {
    bench.close();
  }
}
