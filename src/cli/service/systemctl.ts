import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { GscipError } from '../../base/errors.ts';

/** Exists while systemd is this machine's init (sd_booted(3)). */
const BOOTED = '/run/systemd/system';
/** A first start may wait for a server; it is not waited for here. */
const PATIENCE_MS = 90_000;

export interface UnitState {
  readonly unit: string;
  /** "enabled", "disabled", "not-found", … */
  readonly enabled: string;
  /** "active", "activating", "inactive", "failed", … */
  readonly active: string;
  /** what the service says of itself; '' where it says nothing */
  readonly says: string;
  /** how often systemd started it again by itself */
  readonly restarts: number;
}

/** Throws where this machine was not started by systemd. */
export function refuseWithoutSystemd(): void {
  if (existsSync(BOOTED)) return;
  throw new GscipError(
    'no-systemd',
    'this machine was not started by systemd',
    'let its own init run "gscip up" as root; for the file system of another machine use --root DIR',
  );
}

export async function systemctl(...words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('systemctl', [...words], { timeout: PATIENCE_MS }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const said = stderr.trim() || error.message;
      reject(new GscipError('systemd-failed', `"systemctl ${words.join(' ')}" failed: ${said}`, 'see: journalctl -xe'));
    });
  });
}

/** What systemd knows of a unit, also of one that is not there. */
export async function unitState(unit: string): Promise<UnitState> {
  const names = 'LoadState,UnitFileState,ActiveState,StatusText,NRestarts';
  const lines = (await systemctl('show', '--property', names, unit)).split('\n');
  const value = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  return {
    unit,
    enabled: value('UnitFileState') || value('LoadState'),
    active: value('ActiveState'),
    says: value('StatusText'),
    restarts: Number(value('NRestarts') || 0),
  };
}
