/** Severity of a log line, mildest first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** One line per state change; ids as fields; never a key. */
export interface Logger {
  log(level: LogLevel, event: string, fields: LogFields): void;
}
