import { parse, TomlError } from 'smol-toml';
import { GscipError } from '../../base/errors.ts';
import { checkSetting, resolveConfig } from '../agent-config.ts';

/** One mistake in a file of settings. */
export interface ConfigFault {
  /** counted from 1; 0 where the place is not known */
  readonly line: number;
  /** null: of the file as a whole */
  readonly key: string | null;
  readonly message: string;
  readonly remedy: string;
}

/** Every mistake in the text of a file of settings, not only the first as a start would tell. Empty: a node takes it. */
export function configFaults(text: string): ConfigFault[] {
  let raw: Readonly<Record<string, unknown>>;
  try {
    raw = parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const message = cause.message.split('\n', 1)[0].replace(/^Invalid TOML document: /, '');
    return [{ line: cause.line, key: null, message: `not valid TOML: ${message}`, remedy: 'mend this line' }];
  }
  return Object.entries(raw).flatMap(([key, value]) => keyFault(key, value, text) ?? []);
}

function keyFault(key: string, value: unknown, text: string): ConfigFault | undefined {
  try {
    checkSetting(key, value);
    resolveConfig({ [key]: value });
    return undefined;
  } catch (error) {
    if (!(error instanceof GscipError)) throw error;
    return { line: lineOf(key, text), key, message: error.message, remedy: error.remedy };
  }
}

/** Where a key of the file's first level is written; a header of a table counts. */
function lineOf(key: string, text: string): number {
  const name = key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const written = new RegExp(`^\\s*\\[*\\s*["']?${name}["']?\\s*[=.\\]]`);
  return text.split('\n').findIndex((line) => written.test(line)) + 1;
}
