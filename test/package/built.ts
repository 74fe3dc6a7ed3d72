import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';

/** What `scripts/test-package.sh` made before these tests: packages, and the file system of a bare Debian. */
export interface Built {
  /** the package as it is handed out, and its name there */
  readonly now: string;
  readonly arm: string;
  /** the same program under the version before and after */
  readonly before: string;
  readonly next: string;
  /** a folder with a Debian that has what the package depends on, and systemd */
  readonly base: string;
  /** a Debian with nothing more than its smallest variant */
  readonly bare: string;
}

const FOLDER = `${PROJECT}build/package-test`;

export function built(): Built {
  const packageOf = (folder: string, ending: string) => {
    const [name] = readdirSync(join(FOLDER, folder)).filter((each) => each.endsWith(ending));
    if (name === undefined) throw new Error(`there is no ${ending} in ${FOLDER}/${folder}; run: npm run test:package`);
    return join(FOLDER, folder, name);
  };
  return {
    now: packageOf('now', '_amd64.deb'),
    arm: packageOf('now', '_arm64.deb'),
    before: packageOf('before', '.deb'),
    next: packageOf('next', '.deb'),
    base: join(FOLDER, 'base'),
    bare: join(FOLDER, 'bare'),
  };
}

export function megabytes(path: string): string {
  return `${(statSync(path).size / 1e6).toFixed(1)} MB`;
}
