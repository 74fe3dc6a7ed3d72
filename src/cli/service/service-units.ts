import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GscipError } from '../../base/errors.ts';
import { PACKAGED_BY, WRITTEN_BY } from './unit-texts.ts';

/** Which services there are, and the units that each is made of. */
export const SERVICES = {
  node: { units: ['gscip-lock.service', 'gscip.service'], state: '/var/lib/gscip' },
  server: { units: ['gscip-server.service'], state: '/var/lib/gscip-server' },
} as const;
export type ServiceName = keyof typeof SERVICES;

const FOLDER = '/etc/systemd/system';
/** Where a package has its units; an administrator's of the same name come first. */
export const PACKAGED_FOLDER = '/lib/systemd/system';

/** The unit files of an administrator, below `root`. */
export class ServiceUnits {
  readonly #root: string;

  /** root: '/' or a file system that is no running one */
  constructor(root: string) {
    this.#root = root;
  }

  path(unit: string): string {
    return join(this.#root, FOLDER, unit);
  }

  /** Undefined where there is none of ours. */
  read(unit: string): string | undefined {
    const path = this.path(unit);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    return text?.startsWith(WRITTEN_BY) ? text : undefined;
  }

  /** Throws where another one's file has the name: nothing is written over. */
  refuseForeign(unit: string): void {
    if (!existsSync(this.path(unit)) || this.read(unit) !== undefined) return;
    throw new GscipError(
      'unit-exists',
      `${this.path(unit)} is there already, and was not written by this command`,
      'move it away first',
    );
  }

  /** The unit of an installed package; undefined where there is none. */
  packaged(unit: string): string | undefined {
    const path = join(this.#root, PACKAGED_FOLDER, unit);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    return text?.startsWith(PACKAGED_BY) ? text : undefined;
  }

  /** Has systemd take this text, from the package where that says the same. True where it took another before. */
  put(unit: string, text: string): boolean {
    const inForce = this.read(unit) ?? this.packaged(unit);
    if (this.packaged(unit) === packagedText(text)) this.remove(unit);
    else this.#write(unit, text);
    return inForce === undefined || packagedText(inForce) !== packagedText(text);
  }

  #write(unit: string, text: string): void {
    mkdirSync(dirname(this.path(unit)), { recursive: true });
    writeFileSync(this.path(unit), text, { mode: 0o644 });
  }

  /** Nothing where there is none of ours. */
  remove(unit: string): void {
    if (this.read(unit) !== undefined) rmSync(this.path(unit));
  }

  /** A secret of the service, for root alone. */
  writeSecret(path: string, text: string): void {
    const place = join(this.#root, path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
    rmSync(place, { force: true });
    writeFileSync(place, `${text}\n`, { mode: 0o600 });
  }

  /** With its folder, where nothing else lies there. */
  removeSecret(path: string): void {
    const place = join(this.#root, path);
    rmSync(place, { force: true });
    const folder = dirname(place);
    if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
  }
}

/** The text of a unit as the package has it. */
export function packagedText(text: string): string {
  return text.replace(WRITTEN_BY, PACKAGED_BY);
}
