import { setTimeout as pause } from 'node:timers/promises';
import { GscipError } from '../../base/errors.ts';

/** How long and how often `until` looks. */
export interface UntilOptions {
  readonly seconds?: number;
  readonly everyMs?: number;
}

/**
 * Asks `look` again and again until it gives something other than undefined or false, and returns that.
 * An error thrown by `look` counts as "not yet"; after the deadline it becomes the cause of the one thrown here.
 */
export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: UntilOptions = {},
): Promise<T> {
  const seconds = options.seconds ?? 20;
  const deadline = performance.now() + seconds * 1000;
  for (let cause: unknown; ; ) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      const told = typeof what === 'string' ? what : what();
      throw new GscipError('lab-waited', `waited ${seconds} s for: ${told}`, '', cause);
    }
    await pause(options.everyMs ?? 20);
  }
}
