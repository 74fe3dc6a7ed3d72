import { readFileSync } from 'node:fs';

/** The kernel counts process times in hundredths of a second (USER_HZ, fixed on Linux). */
const TICKS = 100;

/** User and system seconds that a process has used so far, all its threads together; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
}

/** Resident memory of a process in MiB: `VmHWM` its peak, `VmRSS` now. NaN when it is gone. */
export function residentMiB(pid: number, which: 'VmHWM' | 'VmRSS'): number {
  try {
    const found = new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(found?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** CPU seconds that the whole machine has spent on anything so far. */
export function busySeconds(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}
