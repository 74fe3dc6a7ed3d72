import type { ChangedSetting, SettingValue } from '../api/settings.ts';

/** The value of a setting for people; "-" where there is none. */
export function settingText(value: SettingValue): string {
  if (value === null) return '-';
  if (typeof value === 'object') return value.length === 0 ? '-' : value.join(' ');
  return `${value}`;
}

/** One line for a setting that was changed, and one more where the next start would take something else. */
export function changeText({ name, before, after, effect, overruledBy }: ChangedSetting): string {
  const what = `${name}: ${settingText(before)} -> ${settingText(after)}`;
  const when = effect === 'now' ? 'in force now' : 'kept for the next start; until then the old value is in force';
  const line = `${what} (${when})`;
  if (overruledBy === null) return line;
  const by = overruledBy === 'option' ? `option --${name} of the command` : 'file behind --config of the command';
  return `${line}\n  but the ${by} that started this node says otherwise, and wins at the next start: change it there, too`;
}
