import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Settings that make a test quick; durability is PostgreSQL's own matter. */
const SETTINGS = ['fsync=off', 'listen_addresses=', 'max_connections=60', 'shared_buffers=16MB', 'autovacuum=off'];

/** A PostgreSQL of its own in a folder of its own, reached by a Unix socket; root runs it as nobody, since it refuses root. */
export class TestPostgres {
  readonly #folder: string;
  readonly #bin: string;
  readonly #asOther: readonly string[];
  #databases = 0;

  constructor() {
    this.#bin = binaries();
    this.#folder = mkdtempSync(join(tmpdir(), 'gscip-pg-'));
    chmodSync(this.#folder, 0o700);
    this.#asOther = otherUser();
    if (this.#asOther === AS_NOBODY) chownSync(this.#folder, NOBODY, NOBODY);
    this.#run('initdb', '-D', this.#data, '-U', 'gscip', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C');
    this.start();
  }

  start(): void {
    const settings = [...SETTINGS, `unix_socket_directories=${this.#folder}`].map((each) => `-c ${each}`).join(' ');
    const log = join(this.#folder, 'log');
    this.#run('pg_ctl', '-D', this.#data, '-w', '-t', '30', '-l', log, '-o', settings, 'start');
  }

  /** At once, as when its machine fails. */
  stop(): void {
    this.#run('pg_ctl', '-D', this.#data, '-m', 'immediate', '-w', '-t', '30', 'stop');
  }

  /** The URL of a new, empty database. */
  newDatabase(): string {
    this.#databases += 1;
    const name = `network${this.#databases}`;
    this.#run('createdb', '-h', this.#folder, '-U', 'gscip', name);
    return `postgres://gscip@${encodeURIComponent(this.#folder)}/${name}`;
  }

  remove(): void {
    this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  #run(program: string, ...args: readonly string[]): void {
    const path = join(this.#bin, program);
    const [command, ...rest] = [...this.#asOther, path, ...args];
    execFileSync(command, rest, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: 60_000 });
  }
}

const NOBODY = 65_534;
const AS_NOBODY = ['setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];

/** The root of a user namespace can become nobody else, but in a namespace below it nobody is root. */
function otherUser(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const { status } = spawnSync('setpriv', [...AS_NOBODY.slice(1), 'true'], { timeout: 10_000 });
  return status === 0 ? AS_NOBODY : ['unshare', '--user'];
}

/** Where Debian puts them, newest first, then PATH. */
function binaries(): string {
  const packaged = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql')
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => `/usr/lib/postgresql/${version}/bin`)
    : [];
  const found = [...packaged, ...(process.env['PATH'] ?? '').split(':'), '/usr/local/bin'].find((folder) =>
    existsSync(join(folder, 'initdb')),
  );
  if (found === undefined) throw new Error('PostgreSQL is missing: sudo apt-get install postgresql');
  return found;
}
