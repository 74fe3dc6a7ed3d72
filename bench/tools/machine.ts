import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, setPriority, totalmem } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { busySeconds } from './process-cost.ts';

/** Where figures were measured: without it they mean nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  readonly commit: string;
  readonly priority: string;
  /** load average over one minute when the run began */
  readonly load: number;
  readonly date: string;
}

export function describeMachine(priority: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    commit: commit(),
    priority,
    load: loadavg()[0] ?? Number.NaN,
    date: new Date().toISOString(),
  };
}

/**
 * Raises this process, and so everything it starts, above other work on the machine. The autogroup comes first:
 * where it is on, the kernel shares time between sessions, and a nice value only counts inside one.
 */
export function raisePriority(): string {
  try {
    setPriority(-20);
    if (readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').startsWith('1')) {
      writeFileSync('/proc/self/autogroup', '-20');
    }
    return 'nice -20';
  } catch {
    return 'normal (may not be raised here)';
  }
}

/** Cores that the machine keeps busy while we do nothing; looks again for up to three seconds when it is not quiet. */
export async function ambientCores(): Promise<number> {
  for (let look = 1; ; look++) {
    const before = busySeconds();
    await pause(400);
    const busy = (busySeconds() - before) / 0.4;
    if (busy < 0.15 || look === 7) return Math.round(busy * 100) / 100;
  }
}

/** The commit that is checked out, and whether files differ from it. */
export function commit(): string {
  try {
    const changed =
      runNow('git', ['-C', PROJECT, 'status', '--porcelain', '--untracked-files=no']) === '' ? '' : ' with changes';
    return runNow('git', ['-C', PROJECT, 'rev-parse', '--short', 'HEAD']).trim() + changed;
  } catch {
    return 'unknown';
  }
}
