import type { DnsStatus, HealthLine } from '../../api/status.ts';
import type { Logger } from '../../base/log.ts';
import type { Prefix } from '../../tun/prefix.ts';
import { decodeQuestion } from './dns-question.ts';
import { encodeFault, encodeReply } from './dns-reply.ts';
import { type NotePlace, noteText, undoLeftNames } from './left-names.ts';
import { NameServer, type NameServerCalls } from './name-server.ts';
import { type NamedMember, NameTable } from './name-table.ts';
import { type ResolverFacts, type ResolverMode, resolverFacts, resolverModes } from './resolver-choice.ts';
import { type ResolverDoor, resolverDoor } from './resolver-door.ts';
import { answerQuestion } from './zone.ts';

/** What names are made from, and what of the machine they go to. */
export interface NamesParts {
  /** false: `--no-dns`, nothing of the machine is touched */
  readonly isOn: () => boolean;
  readonly tun: string;
  readonly state: NotePlace;
  readonly log: Logger;
  readonly network: () => string;
  /** ranges of the overlay */
  readonly pool: () => readonly Prefix[];
  /** this node first */
  readonly members: () => readonly NamedMember[];
  readonly count: (name: 'name-query-strange' | 'name-query-bad') => void;
}

/** The machine's side, which tests replace. */
export interface NamesMachine {
  readonly facts: () => ResolverFacts;
  readonly door: (mode: ResolverMode, tun: string) => ResolverDoor;
  readonly listen: (
    addresses: readonly string[],
    calls: NameServerCalls,
  ) => Promise<Pick<NameServer, 'at' | 'close'> | undefined>;
}

const MACHINE: NamesMachine = { facts: resolverFacts, door: resolverDoor, listen: NameServer.listen };

/** How often it is looked whether what was told still stands, and whether a better way is there; milliseconds. */
const LOOK = 10_000;

/**
 * Members by name (docs/guide/names.md): answers for the network's own domain at the node's overlay address, and what
 * tells the machine's resolver of them. Names come from the rosters that the node holds, so they are there with the server
 * gone; the node itself never asks for one.
 */
export class Names {
  readonly #parts: NamesParts;
  readonly #machine: NamesMachine;
  #table: NameTable | undefined;
  #server: Pick<NameServer, 'at' | 'close'> | undefined;
  /** ways that are open on this machine, the best first, and the one that is used */
  #modes: readonly ResolverMode[] = [];
  #mode: ResolverMode | 'none' = 'none';
  /** ways that something was told by, or may have been */
  #told: ReadonlySet<ResolverMode> = new Set();
  /** why the machine could not be told, by the way that was tried */
  #troubles: readonly HealthLine[] = [];
  #complained: readonly string[] = [];
  #lookAt = 0;
  #isClosed = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: NamesParts, machine = MACHINE) {
    this.#parts = parts;
    this.#machine = machine;
  }

  /** Takes back what a crash left; throws nothing, since a node without names is better than none. */
  async restoreLeft(): Promise<void> {
    try {
      const modes = await undoLeftNames(this.#parts.state, this.#machine.door);
      if (modes.length > 0) this.#parts.log.log('info', 'names-left', { modes: modes.join() });
    } catch (error) {
      this.#troubles = [untold('of an earlier run', error)];
    }
  }

  /** Members, names or the machine's resolver may have changed. Never rejects. */
  follow(): Promise<void> {
    this.#turn = this.#turn
      .then(() => (this.#isClosed ? undefined : this.#follow()))
      .catch((error: unknown) => {
        this.#troubles = [untold('nothing was changed', error)];
        this.#complain(this.#troubles);
      });
    return this.#turn;
  }

  tick(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK;
    void this.follow();
  }

  status(): DnsStatus {
    const isOn = this.#parts.isOn();
    const table = this.#table ?? this.#newTable();
    return {
      mode: isOn ? this.#mode : 'off',
      domain: table.domain,
      names: isOn ? table.hosts.length : 0,
      server: this.#server?.at ?? null,
      unnamed: table.unnamed,
    };
  }

  health(): readonly HealthLine[] {
    const unnamed = this.#table?.unnamed ?? [];
    return [...this.#troubles, ...unnamed.map(({ name, why }) => ({ code: 'no-host-name', text: noName(name, why) }))];
  }

  /** Nothing of ours is left on the machine when it settles. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
    try {
      await this.#end();
    } catch (error) {
      this.#troubles = [untold('at the end', error)];
    }
    this.#complain(this.#troubles);
  }

  async #end(): Promise<void> {
    this.#server?.close();
    this.#server = undefined;
    this.#table = undefined;
    this.#mode = 'none';
    const troubles: HealthLine[] = [];
    await this.#takeBack(undefined, troubles);
    this.#troubles = troubles;
  }

  async #follow(): Promise<void> {
    if (!this.#parts.isOn()) return this.#end();
    const table = this.#newTable();
    const before = this.#table;
    this.#table = table;
    this.#server ??= await this.#listen();
    const modes = resolverModes(this.#machine.facts());
    const isSame = before !== undefined && sameZones(before, table) && modes.join() === this.#modes.join();
    this.#modes = modes;
    if (isSame && this.#stands(table)) return;
    await this.#tell(table);
  }

  /** The best way that works; what fails is told of, and the next one tried. Ways that served before are taken back then. */
  async #tell(table: NameTable): Promise<void> {
    const failed: HealthLine[] = [];
    let works: ResolverMode | undefined;
    for (const mode of this.#modes) {
      try {
        this.#note(new Set([...this.#told, mode]));
        await this.#door(mode).tell(table, this.#server?.at);
        works = mode;
        break;
      } catch (error) {
        failed.push(untold(mode, error));
      }
    }
    if (works !== this.#mode)
      this.#parts.log.log('info', 'names-told', { mode: works ?? 'none', domain: table.domain });
    this.#mode = works ?? 'none';
    const left: HealthLine[] = [];
    await this.#takeBack(works, left);
    this.#complain([...failed, ...left]);
    const told = works === undefined ? [...failed, ...left] : left;
    this.#troubles = told.filter(({ text }, at) => told.findIndex((each) => each.text === text) === at);
  }

  /** Once for each trouble, however often it is met again. */
  #complain(troubles: readonly HealthLine[]): void {
    const texts = [...new Set(troubles.map(({ text }) => text))];
    for (const text of texts)
      if (!this.#complained.includes(text)) this.#parts.log.log('warn', 'names-not-told', { text });
    this.#complained = texts;
  }

  /** All that was tried, other than the way that works now. */
  async #takeBack(but: ResolverMode | undefined, troubles: HealthLine[]): Promise<void> {
    const left = new Set<ResolverMode>(but === undefined ? [] : [but]);
    for (const mode of this.#told) {
      if (mode === but) continue;
      try {
        await this.#door(mode).undo();
      } catch (error) {
        left.add(mode);
        troubles.push(untold(mode, error));
      }
    }
    if (left.size !== this.#told.size) this.#note(left);
  }

  /** First on the disk: a crash in between leaves nothing that nobody knows of. */
  #note(told: ReadonlySet<ResolverMode>): void {
    this.#told = told;
    if (told.size === 0) this.#parts.state.discard('names');
    else this.#parts.state.writeText('names', noteText({ modes: [...told], tun: this.#parts.tun }));
  }

  #door(mode: ResolverMode): ResolverDoor {
    return this.#machine.door(mode, this.#parts.tun);
  }

  #stands(table: NameTable): boolean {
    try {
      return this.#mode !== 'none' && this.#door(this.#mode).stands(table);
    } catch {
      return false;
    }
  }

  #newTable(): NameTable {
    return new NameTable(this.#parts.network(), this.#parts.pool(), this.#parts.members());
  }

  #listen(): ReturnType<NamesMachine['listen']> {
    const { members, count } = this.#parts;
    return this.#machine.listen(members()[0]?.addresses ?? [], {
      answer: (bytes, over) => this.#answer(bytes, over),
      strange: () => count('name-query-strange'),
    });
  }

  #answer(bytes: Uint8Array, over: 'udp' | 'tcp'): Uint8Array | undefined {
    const { count } = this.#parts;
    const question = decodeQuestion(bytes);
    if (typeof question === 'string' || 'fault' in question) {
      count('name-query-bad');
      return encodeFault(question);
    }
    return this.#table && encodeReply(question, answerQuestion(this.#table, question), over);
  }
}

/** All but the hosts file are told of domain and zones alone. */
function sameZones(a: NameTable, b: NameTable): boolean {
  return a.domain === b.domain && a.zones.join() === b.zones.join();
}

function untold(where: string, error: unknown): HealthLine {
  const why = error instanceof Error ? error.message : String(error);
  return {
    code: 'names-not-told',
    text: `names of members could not be given to this machine (${where}): ${why}; make that writable, or restart the service where the file was replaced while it ran`,
  };
}

function noName(name: string, why: DnsStatus['unnamed'][number]['why']): string {
  const reasons = {
    'no-label': 'it is no host name: letters, digits and hyphens',
    reserved: 'programs look for that name by themselves',
    twice: 'two members are called so',
  } as const satisfies Record<typeof why, string>;
  return `"${name}" is reached by its address only: ${reasons[why]}; give it another name at the server`;
}
