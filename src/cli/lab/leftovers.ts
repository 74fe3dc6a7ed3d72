import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runNow, tryNow } from './run-now.ts';

/** A namespace that some lab made, and whether the process that made it still lives. */
export interface LabTrace {
  readonly namespace: string;
  readonly owner: number;
  readonly ownerAlive: boolean;
  readonly pids: readonly number[];
}

const PREFIX = 'gscip';

/** Start time of a process in clock ticks since boot: with the PID it names one process for ever. Undefined when it is gone. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** First part of the names of all namespaces of one lab; it names the owner, so that leftovers can be told from a lab at work. */
export function labName(unique: string): string {
  return `${PREFIX}.${process.pid}.${startTime(process.pid) ?? '0'}.${unique}`;
}

/** Scratch folder of the lab of that name. */
export function labFolder(name: string): string {
  return join(tmpdir(), name);
}

/** All namespaces that labs made on this machine and that are still there. */
export function labTraces(): LabTrace[] {
  const names = runNow('ip', ['netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  return names.flatMap((namespace) => {
    const [prefix, pid, started, , label] = namespace.split('.');
    if (prefix !== PREFIX || label === undefined) return [];
    const owner = Number(pid);
    return [{ namespace, owner, ownerAlive: startTime(owner) === started, pids: pidsIn(namespace) }];
  });
}

/**
 * Removes namespaces whose lab is gone and which nothing runs in any more, with the lab's scratch folder.
 * Returns what stays: labs at work, and namespaces in which a process outlived its lab (never ended here: it may be anyone's).
 */
export function sweepLeftovers(): LabTrace[] {
  return labTraces().filter((trace) => {
    const removable = !trace.ownerAlive && trace.pids.length === 0;
    if (!removable || !tryNow('ip', ['netns', 'del', trace.namespace])) return true;
    rmSync(labFolder(trace.namespace.split('.').slice(0, 4).join('.')), { recursive: true, force: true });
    return false;
  });
}

function pidsIn(namespace: string): number[] {
  try {
    return runNow('ip', ['netns', 'pids', namespace])
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
  } catch {
    return []; // removed between the list and this question
  }
}
