import { readdir, readFile, writeFile } from 'node:fs/promises';

/** One switch under /proc/sys/net, what it was, and what it is set to while the node forwards. */
export interface Switch {
  readonly path: string;
  readonly before: string;
  readonly set: string;
}

/** Where switches are read and written; a name outside of the kernel's is undefined. */
export interface SwitchBoard {
  read(path: string): Promise<string | undefined>;
  write(path: string, value: string): Promise<void>;
  interfaces(): Promise<readonly string[]>;
  /** differs after each start of the machine, which sets them all back */
  boot(): Promise<string>;
}

/** Where the list of what was changed is kept, so that it outlives a crash. */
export interface SwitchMemory {
  read(): string | undefined;
  write(text: string): void;
}

/** Forwarding of everything, by family: where it is on there is nothing to set. */
const ALL = { 4: 'ipv4/ip_forward', 6: 'ipv6/conf/all/forwarding' } as const;

/**
 * The kernel's switches for forwarding, set while the node runs and set back at its end, or at the next start after a
 * crash. They are those of single interfaces, so that nothing but the overlay and the networks behind this node begins to
 * be forwarded; where the kernel has none for IPv6 (before 6.17), the one for all.
 */
export class Switches {
  readonly #board: SwitchBoard;
  readonly #memory: SwitchMemory;
  #changed: Switch[] = [];

  constructor(board: SwitchBoard, memory: SwitchMemory) {
    this.#board = board;
    this.#memory = memory;
  }

  /** What a crash left set; what was changed since, by whomever, stays. */
  async restoreLeft(): Promise<number> {
    const kept = parseMemory(this.#memory.read());
    if (kept === undefined) return 0;
    this.#changed = kept.boot === (await this.#board.boot()) ? [...kept.switches] : [];
    const count = this.#changed.length;
    await this.restore();
    return count;
  }

  /** Lets packets of these families from these interfaces be forwarded. Already so: nothing is touched. */
  async forward(families: ReadonlySet<4 | 6>, devices: readonly string[]): Promise<void> {
    for (const family of [4, 6] as const)
      if (families.has(family) && (await this.#board.read(ALL[family])) === '0')
        await (family === 4 ? this.#each(devices, 'ipv4', 'forwarding') : this.#forward6(devices));
  }

  /** Sets everything back that still is as it was set; an interface that is gone takes its switches along. */
  async restore(): Promise<void> {
    const others = (await this.#board.read(ALL[4])) === '1';
    for (const { path, before, set } of this.#changed.toReversed()) {
      // somebody turned forwarding on for all meanwhile, and relies on it
      if (others && path.startsWith('ipv4/conf/')) continue;
      if ((await this.#board.read(path)) === set) await this.#board.write(path, before);
    }
    this.#changed = [];
    if (this.#memory.read() !== undefined) this.#memory.write('');
  }

  async #forward6(devices: readonly string[]): Promise<void> {
    if (await this.#each(devices, 'ipv6', 'force_forwarding')) return;
    // a router takes no address from router advertisements any more, unless told to
    for (const path of await this.#listening()) await this.#set(path, '2');
    await this.#set(ALL[6], '1');
  }

  async #listening(): Promise<string[]> {
    const paths = (await this.#board.interfaces()).map((name) => `ipv6/conf/${name}/accept_ra`);
    const values = await Promise.all(paths.map((path) => this.#board.read(path)));
    return paths.filter((_, at) => values[at] === '1');
  }

  /** False where the kernel has no such switch. */
  async #each(devices: readonly string[], family: string, name: string): Promise<boolean> {
    for (const device of devices) if (!(await this.#set(`${family}/conf/${device}/${name}`, '1'))) return false;
    return true;
  }

  async #set(path: string, value: string): Promise<boolean> {
    const before = await this.#board.read(path);
    if (before === undefined) return false;
    if (before === value) return true;
    this.#changed.push({ path, before, set: value });
    // first on the disk: a crash in between leaves nothing that nobody knows of
    this.#memory.write(JSON.stringify({ boot: await this.#board.boot(), switches: this.#changed }));
    await this.#board.write(path, value);
    return true;
  }
}

/** The switches of this machine, or of the network namespace. */
export const kernelBoard: SwitchBoard = {
  read: async (path) => {
    try {
      return (await readFile(`/proc/sys/net/${path}`, 'utf8')).trim();
    } catch {
      return undefined;
    }
  },
  write: (path, value) => writeFile(`/proc/sys/net/${path}`, value),
  interfaces: () => readdir('/proc/sys/net/ipv6/conf'),
  boot: async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
};

function parseMemory(text: string | undefined): { boot: string; switches: readonly Switch[] } | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('boot' in value) || !('switches' in value)) return undefined;
    const { boot, switches } = value;
    return typeof boot === 'string' && Array.isArray(switches) && switches.every(isSwitch)
      ? { boot, switches }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Names of switches only: a list that somebody wrote must not lead anywhere else. */
const SWITCH_PATH = /^ipv[46]\/(?:ip_forward|conf\/(?!\.)[A-Za-z0-9_.-]+\/[a-z_]+)$/;

function isSwitch(value: unknown): value is Switch {
  if (typeof value !== 'object' || value === null) return false;
  const { path, before, set } = { path: undefined, before: undefined, set: undefined, ...value };
  return [path, before, set].every((each) => typeof each === 'string') && SWITCH_PATH.test(String(path));
}
