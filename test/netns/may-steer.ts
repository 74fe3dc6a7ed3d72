import { readFileSync } from 'node:fs';

/** Whether this process may load eBPF programs as root may: inside a user namespace of its own nobody may. */
export function maySteer(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}
