import type { Draft, View } from './draft.ts';
import type { SettingsRow } from './state.ts';
import type { Tools } from './tools.ts';

const KEY = 'network';

/** The network's settings, which are there from `newNetwork` on. */
export function settingsOf(view: View): SettingsRow {
  const settings = view.get('settings', KEY);
  if (settings === undefined) throw new Error('the network has not been made');
  return settings;
}

/** Whether the network has been made. */
export function isMade(view: View): boolean {
  return view.get('settings', KEY) !== undefined;
}

export function putSettings(draft: Draft, row: SettingsRow): void {
  draft.put({ table: 'settings', key: KEY, row });
}

export function changeSettings(draft: Draft, change: Partial<SettingsRow>): void {
  putSettings(draft, { ...settingsOf(draft), ...change });
}

/** The Ed25519 public keys of the network. Its seeds never change, and a key costs as much as a signature. */
export function publicKeys(tools: Tools, { caSeed, adminSeed }: SettingsRow): NetworkPublicKeys {
  return { ca: publicKeyOf(tools, caSeed), admin: publicKeyOf(tools, adminSeed) };
}

function publicKeyOf({ provider }: Tools, seed: Uint8Array): Uint8Array {
  const known = derived.get(seed);
  if (known !== undefined) return known;
  const { publicKey } = provider.ed25519KeyPair(seed);
  derived.set(seed, publicKey);
  return publicKey;
}

export interface NetworkPublicKeys {
  readonly ca: Uint8Array;
  readonly admin: Uint8Array;
}

const derived = new WeakMap<Uint8Array, Uint8Array>();

/**
 * The number of the change that a command is making, for what nodes are told of: one per command, above all earlier ones,
 * and at least the time, so that a restored backup goes on above what it had given out.
 */
export function changeNumber(tools: Tools, draft: Draft): number {
  const known = numbers.get(draft);
  if (known !== undefined) return known;
  const number = Math.max(settingsOf(draft).number + 1, tools.now);
  changeSettings(draft, { number });
  numbers.set(draft, number);
  return number;
}

const numbers = new WeakMap<Draft, number>();
