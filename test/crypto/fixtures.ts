import { type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { utf8 } from '../../src/base/bytes.ts';
import { nodeIdOf } from '../../src/crypto/credential.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { type Roster, type RosterFault, signChange, verifyRoster } from '../../src/crypto/roster.ts';
import { type Member, ROSTER_OPTION, type RosterChange } from '../../src/crypto/roster-entry.ts';

/** A time that all rows share: 2026-01-01. */
export const NOW: UnixSeconds = unixSeconds(1_767_225_600);

/** 32 bytes that depend on the name only. */
export function seedOf(name: string): Uint8Array {
  return nodeProvider.sha256(utf8(`test seed ${name}`));
}

export function edKey(name: string): KeyPair {
  return nodeProvider.ed25519KeyPair(seedOf(name));
}

/** 16 bytes of 100.64.0.last. */
export function vip4(last: number): Uint8Array {
  const out = new Uint8Array(16);
  out.set([100, 64, 0, last], 12);
  return out;
}

export function member(name: string, last: number, routes: Member['routes'] = []): Member {
  const { publicKey } = edKey(name);
  return { nodeId: nodeIdOf(nodeProvider, publicKey), edPk: publicKey, vips: [vip4(last)], routes, check: 'ca-only' };
}

export function genesis(admins: readonly string[], k = 1, options: number = ROSTER_OPTION.managed): RosterChange {
  const keys = admins.map((name) => edKey(name).publicKey);
  return { kind: 'genesis', name: 'office', r: 0, admins: keys, k, options, nonce: seedOf('nonce').slice(0, 16) };
}

/** The value, or a failure of the test that names the fault. */
export function ok<T>(result: T | string): T {
  if (typeof result === 'string') throw new Error(`unexpected fault: ${result}`);
  return result;
}

/** A chain of changes, each signed by the named keys. */
export function chainOf(rows: readonly (readonly [RosterChange, readonly string[]])[]): Roster {
  let roster: Roster | undefined;
  for (const [change, signers] of rows) {
    const entries: Uint8Array[] = [
      ...(roster?.entries ?? []),
      signChange(nodeProvider, roster, change, signers.map(seedOf)),
    ];
    roster = ok<Roster>(verifyRoster(nodeProvider, entries) satisfies Roster | RosterFault);
  }
  return ok<Roster>(roster ?? 'empty chain');
}
