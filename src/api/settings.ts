/** Value of a setting, as the file of settings has it; null: there is none. */
export type SettingValue = string | number | boolean | readonly string[] | null;

/** One setting of a node, as `gscip get --json` shows it; these names are kept. */
export interface SettingAnswer {
  readonly name: string;
  /** what the node runs with */
  readonly value: SettingValue;
  /** what the next start takes: another value while a change waits for it */
  readonly next: SettingValue;
  readonly isDefault: boolean;
  /** a change takes effect at once */
  readonly live: boolean;
}

export interface SettingsAnswer {
  readonly schema: 1;
  readonly settings: readonly SettingAnswer[];
}

/** What became of one setting that was changed. */
export interface ChangedSetting {
  readonly name: string;
  readonly before: SettingValue;
  readonly after: SettingValue;
  /** in force now, or kept for the next start */
  readonly effect: 'now' | 'restart';
  /** what says otherwise at the next start: an option of the command that started the node, or the file behind --config */
  readonly overruledBy: 'option' | 'file' | null;
}

/** `gscip set --json`; no settings where all had these values already. */
export interface SetAnswer {
  readonly schema: 1;
  readonly changed: readonly ChangedSetting[];
}

/** `gscip reload --json` */
export interface RereadAnswer extends SetAnswer {
  /** the file that was read again */
  readonly file: string;
  /** number of the bundle in use now, and groups that came, went, or have another key or other members */
  readonly bundleNumber: number;
  readonly groupChanges: number;
}

/** One change as it is typed: NAME=VALUE, and for lists NAME+=VALUE and NAME-=VALUE. */
export interface SettingChange {
  readonly name: string;
  readonly how: '=' | '+=' | '-=';
  readonly value: string;
}
