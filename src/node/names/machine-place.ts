import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { HOSTS } from './hosts-file.ts';

/**
 * Whose resolver this node may tell of its members.
 *   machine: it lives in the network of the whole machine
 *   own-files: in a network of its own, which has its own hosts file, too
 *   apart: in a network of its own, with files that others in other networks read
 */
export type MachinePlace = 'machine' | 'own-files' | 'apart';

/** What tells it; undefined: it may not be seen. */
export interface PlaceFacts {
  /** the first network namespace of the kernel, which alone has all of its switches */
  readonly isFirst: boolean;
  /** the network namespace of this process and of the machine's first one, as the kernel names them */
  readonly own: string | undefined;
  readonly first: string | undefined;
  /** the hosts file of this process and of the machine's first one */
  readonly ownHosts: string | undefined;
  readonly firstHosts: string | undefined;
  /** the service manager started this very process: it is in no other network than the machine's services */
  readonly isService: boolean;
  /** the hosts file is mounted where it is */
  readonly isMounted: boolean;
}

/** Names that only one network leads to must not be told to programs of another. */
export function machinePlace(facts: PlaceFacts): MachinePlace {
  const { own, first, ownHosts, firstHosts } = facts;
  if (facts.isFirst) return 'machine';
  if (first === undefined ? facts.isService : first === own) return 'machine';
  const hasOwn = firstHosts === undefined ? facts.isMounted : ownHosts !== firstHosts;
  return hasOwn ? 'own-files' : 'apart';
}

/** The facts of this process. */
export function placeFacts(): PlaceFacts {
  return {
    isFirst: existsSync('/proc/sys/net/core/netdev_max_backlog'),
    own: attempt(() => readlinkSync('/proc/self/ns/net')),
    first: attempt(() => readlinkSync('/proc/1/ns/net')),
    ownHosts: attempt(() => identity(HOSTS)),
    firstHosts: attempt(() => identity(`/proc/1/root${HOSTS}`)),
    isService: process.env['SYSTEMD_EXEC_PID'] === String(process.pid),
    isMounted: / \/etc\/hosts /.test(attempt(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? ''),
  };
}

function identity(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
