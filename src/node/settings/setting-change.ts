import type { SettingChange, SettingValue } from '../../api/settings.ts';
import { GscipError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { unreachable } from '../../base/unreachable.ts';
import { SETTING_KINDS, type WrittenConfig } from '../agent-config.ts';

/** Settings that are kept: all but the token of the first start. */
export type SettingName = Exclude<keyof WrittenConfig, 'join'>;

/** Every setting that is kept, in the order of their table. */
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTING_KINDS).filter(isSettingName);

function isSettingName(text: string): text is SettingName {
  return Object.hasOwn(SETTING_KINDS, text) && text !== 'join';
}

/** Throws for a name that is none, with the nearest that is one. */
export function settingName(text: string): SettingName {
  if (isSettingName(text)) return text;
  const near = nearestName(text, SETTING_NAMES);
  throw new GscipError('bad-config', `there is no setting "${text}"`, `did you mean "${near}"? "gscip get" lists all`);
}

/**
 * Settings with changes carried out in order; values are not checked yet. A list that is set by several changes holds them
 * all; no value at all goes back to the default.
 */
export function withChanges(written: WrittenConfig, changes: readonly SettingChange[]): WrittenConfig {
  const next = new Map<string, SettingValue>(Object.entries(written));
  const begun = new Set<string>();
  for (const change of changes) {
    const name = settingName(change.name);
    const value = SETTING_KINDS[name] === 'strings' ? changedList(next.get(name), change, begun) : single(name, change);
    if (value === null) next.delete(name);
    else next.set(name, value);
    begun.add(name);
  }
  return Object.fromEntries(next);
}

function changedList(
  before: SettingValue | undefined,
  { name, how, value }: SettingChange,
  begun: ReadonlySet<string>,
): readonly string[] | null {
  const list = Array.isArray(before) ? before.map(String) : [];
  switch (how) {
    case '=':
      return value === '' ? null : [...(begun.has(name) ? list : []), value];
    case '+=':
      return list.includes(value) ? list : [...list, value];
    case '-=':
      if (list.includes(value)) return list.filter((each) => each !== value);
      throw new GscipError('bad-config', `${name} holds no "${value}"`, `it holds: ${list.join(', ') || 'nothing'}`);
    default:
      return unreachable(how);
  }
}

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ...(['true', 'yes', 'on'] as const).map((text) => [text, true] as const),
  ...(['false', 'no', 'off'] as const).map((text) => [text, false] as const),
]);

function single(name: SettingName, { how, value }: SettingChange): SettingValue {
  if (how !== '=') throw new GscipError('bad-config', `${name} is no list`, `write ${name}=VALUE`);
  if (value === '') return null;
  const kind = SETTING_KINDS[name];
  switch (kind) {
    case 'number':
      if (/^\d{1,15}$/.test(value)) return Number(value);
      throw new GscipError(
        'bad-config',
        `${name} must be a whole number, and "${value}" is none`,
        `as in: ${name}=1400`,
      );
    case 'boolean': {
      const found = SWITCHES.get(value.toLowerCase());
      if (found !== undefined) return found;
      throw new GscipError('bad-config', `${name} is true or false, and "${value}" is neither`, `as in: ${name}=true`);
    }
    case 'string':
    case 'strings':
      return value;
    default:
      return unreachable(kind);
  }
}

/** Names whose values are not the same in two sets of settings. */
export function changedNames(before: WrittenConfig, after: WrittenConfig): SettingName[] {
  return SETTING_NAMES.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}
