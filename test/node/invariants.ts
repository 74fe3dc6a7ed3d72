import type { GroupId, NodeId } from '../../src/base/brands.ts';
import { KEY_TIMES } from '../../src/crypto/key-states.ts';
import { decodeEntry } from '../../src/crypto/roster-entry.ts';
import type { Sa } from '../../src/pccom/sa.ts';
import { SA_TIMERS, SAS_PER_TRIPLE } from '../../src/pccom/sa-timers.ts';
import { PIT_ACTION } from '../../src/pit/terms.ts';
import type { Story, Watcher } from './story.ts';
import type { SimNode } from './world.ts';

/** A node moves its versions on once a second, and a story's steps are up to 50 ms long. */
const SLACK = 1_100;

/** What is remembered of one node from step to step, over its restarts. */
interface Memory {
  /** V1: the highest CURRENT that it ever had */
  highest: number;
  /** SAs of the last step, by own index */
  sas: ReadonlyMap<number, Sa>;
  /** versions of all SAs that it ever had, by own index */
  readonly versions: Map<number, number>;
  /** own indices whose keys it lost by a restart, a jump of its clock, or because there were too many */
  readonly gone: Set<number>;
  /** REMOVE entries in its roster, by the node that they name */
  removals: ReadonlyMap<NodeId, number>;
  /** V7: when the key of a version was of use last */
  readonly needed: Map<number, number>;
}

/** The invariants V1 to V7 (protocol.md 10.5), asked at every step of a story; what is broken is told as 'V1: …'. */
export class Invariants implements Watcher {
  readonly faults: string[] = [];
  readonly #story: Story;
  readonly #memories = new Map<string, Memory>();
  /** V4: who was a member when a version was made */
  readonly #membersAt = new Map<number, ReadonlySet<string>>();
  /** V2 holds for SAs of versions that no removal lies behind */
  #newestRemoval = 0;

  constructor(story: Story) {
    this.#story = story;
    const everybody = new Set(story.nodes().map(({ name }) => name));
    for (const v of story.world.authority.versions('office')) this.#membersAt.set(v, everybody);
  }

  started(node: SimNode): void {
    const { pit } = node.engine.node;
    node.engine.watchPit((event, entry) => {
      if (event === 'created' && pit.entries.action(entry) === PIT_ACTION.encrypt) this.#newEntry(node, entry);
    });
  }

  versionsMade(): void {
    const members = new Set(this.#story.members().map(({ name }) => name));
    for (const v of this.#story.world.authority.versions('office'))
      if (!this.#membersAt.has(v)) this.#membersAt.set(v, members);
  }

  removed(): void {
    this.#newestRemoval = this.#story.world.authority.versions('office')[0];
  }

  forgot(node: SimNode): void {
    const memory = this.#memory(node);
    for (const index of memory.versions.keys()) memory.gone.add(index);
    memory.sas = new Map();
  }

  /** V2: what a peer sealed on an SA that it may send on, this node can open. */
  unopened(node: SimNode, index: number): void {
    const { gone, versions } = this.#memory(node);
    const local = (index & ~7) >>> 0;
    if (gone.has(local) || (versions.get(local) ?? 0) < this.#newestRemoval) return;
    this.#fault('V2', node, `a datagram on SA ${local} of version ${versions.get(local)} met no key`);
  }

  afterStep(): void {
    for (const node of this.#story.nodes()) {
      const memory = this.#memory(node);
      for (const { id } of node.keys.groups()) {
        this.#versionOnlyRises(node, memory, id);
        this.#removedIsGone(node, memory, id);
        this.#keysOfMembership(node, id);
        this.#keysErased(node, memory, id);
      }
      this.#closedInTime(node, memory);
      this.#remember(node, memory);
    }
  }

  #versionOnlyRises(node: SimNode, memory: Memory, id: GroupId): void {
    const current = versionsOf(node, id).find(({ state }) => state === 'current')?.v ?? 0;
    const kept = node.keys.persistent().groups[id].highestCurrent;
    if (current < memory.highest) this.#fault('V1', node, `CURRENT fell from ${memory.highest} to ${current}`);
    if (kept < memory.highest || kept < current) this.#fault('V1', node, `keeps ${kept}, CURRENT is ${current}`);
    memory.highest = Math.max(memory.highest, current);
  }

  #removedIsGone(node: SimNode, memory: Memory, id: GroupId): void {
    const { sas, owners, pit } = node.engine.node;
    const roster = node.keys.heldRosters().get(id)?.roster;
    const members = roster?.members;
    for (const sa of sas.sas())
      if (sa.group === id && !members?.has(sa.peer)) this.#fault('V3', node, 'an SA with a removed node');
    for (const number of owners.numbers()) {
      const owner = owners.owner(number);
      if (owner?.group === id && !members?.has(owner.peer) && pit.countOf(number) > 0)
        this.#fault('V3', node, 'an entry of a removed node');
    }
    const removals = removalsIn(roster?.entries ?? NO_ENTRIES);
    for (const [peer, count] of removals)
      if (count > (memory.removals.get(peer) ?? 0))
        for (const sa of sas.sas())
          if (sa.peer === peer && memory.sas.get(sa.local) === sa)
            this.#fault('V3', node, 'an SA from before a REMOVE');
    memory.removals = removals;
  }

  /** V4: nobody holds keys that were made while it was no member. */
  #keysOfMembership(node: SimNode, id: GroupId): void {
    for (const { v } of versionsOf(node, id))
      if (!this.#membersAt.get(v)?.has(node.name)) this.#fault('V4', node, `holds version ${v}`);
  }

  /** V5 */
  #newEntry(node: SimNode, entry: number): void {
    const { pit, owners } = node.engine.node;
    const owner = owners.owner(pit.entries.owner(entry));
    const v = pit.entries.version(entry);
    const version = owner && versionsOf(node, owner.group).find((each) => each.v === v);
    const { state, retired } = version ?? {};
    if (state === 'current' || state === 'next') return;
    const inGrace = retired?.cause === 'schedule' && this.#now < retired.at + KEY_TIMES.grace;
    if (state !== 'retired' || !inGrace) this.#fault('V5', node, `a new entry under version ${v}, which is ${state}`);
  }

  /** V6: nothing but its cap, a removal, or too many of its kind closes an SA. */
  #closedInTime(node: SimNode, memory: Memory): void {
    const { sas } = node.engine.node;
    const floors = node.keys.persistent().groups;
    for (const [index, sa] of memory.sas) {
      if (sas.byIndex(sa.local) === sa) continue;
      const { receiveCapInitiator, receiveCapResponder } = SA_TIMERS;
      const cap = sa.receiveSince + (sa.role === 'initiator' ? receiveCapInitiator : receiveCapResponder);
      const capped = sa.version < (floors[sa.group]?.removalFloor ?? 0) && this.#now >= sa.capAt;
      const roster = node.keys.heldRosters().get(sa.group)?.roster;
      const removed = !roster?.members.has(sa.peer) || removalsIn(roster.entries).has(sa.peer);
      const tooMany = sas.sasOf(sa.owner).length >= SAS_PER_TRIPLE;
      if (tooMany) memory.gone.add(index);
      if (this.#now < cap && !capped && !removed && !tooMany)
        this.#fault('V6', node, `SA ${index} of version ${sa.version} closed ${cap - this.#now} ms early`);
    }
  }

  /** V7: K_psk of a replaced version is there as long as something needs it, and no longer. */
  #keysErased(node: SimNode, memory: Memory, id: GroupId): void {
    const group = node.keys.groups().find((view) => view.id === id);
    for (const { v, state, kPsk, retired } of group?.versions ?? []) {
      const chain = group?.retainFlow === true && this.#hasFlows(node, id, v);
      const chained = chain && retired !== undefined && this.#now < retired.at + KEY_TIMES.chain;
      const inGrace = retired !== undefined && this.#now < retired.at + KEY_TIMES.grace;
      const needed = state === 'current' || state === 'next' || inGrace || chained || node.engine.halfOpen > 0;
      // a version that comes replaced already goes with the next tick, too
      const since = needed ? this.#now : (memory.needed.get(v) ?? this.#now);
      memory.needed.set(v, since);
      const idle = this.#now - since;
      if (kPsk !== undefined && idle > SLACK)
        this.#fault('V7', node, `keeps K_psk of version ${v}, which nothing needs`);
      if (kPsk !== undefined && state === 'tagonly') this.#fault('V7', node, `keeps K_psk of TAGONLY version ${v}`);
      if (kPsk === undefined && chained && retired.cause === 'schedule')
        this.#fault('V7', node, `has no K_psk of version ${v}, under which flows live`);
    }
  }

  #hasFlows(node: SimNode, id: GroupId, v: number): boolean {
    const { owners, pit } = node.engine.node;
    return owners.numbersOfChain(id, v).some((owner) => pit.countOf(owner) > 0);
  }

  #remember(node: SimNode, memory: Memory): void {
    memory.sas = new Map([...node.engine.node.sas.sas()].map((sa) => [sa.local, sa]));
    for (const [index, { version }] of memory.sas) {
      memory.versions.set(index, version);
      memory.gone.delete(index);
    }
  }

  #memory({ name }: SimNode): Memory {
    const known = this.#memories.get(name);
    if (known) return known;
    const made: Memory = {
      highest: 0,
      sas: new Map(),
      versions: new Map(),
      gone: new Set(),
      removals: new Map(),
      needed: new Map(),
    };
    this.#memories.set(name, made);
    return made;
  }

  get #now(): number {
    return this.#story.world.now;
  }

  #fault(id: string, { name }: SimNode, text: string): void {
    this.faults.push(`${id}: ${name} ${text}`);
  }
}

function versionsOf(node: SimNode, id: GroupId) {
  return node.keys.groups().find((group) => group.id === id)?.versions ?? [];
}

const NO_ENTRIES: readonly Uint8Array[] = [];

/** Counted once per chain: a longer one is another array. */
const counted = new WeakMap<readonly Uint8Array[], ReadonlyMap<NodeId, number>>();

function removalsIn(entries: readonly Uint8Array[]): ReadonlyMap<NodeId, number> {
  const known = counted.get(entries);
  if (known) return known;
  const found = new Map<NodeId, number>();
  for (const bytes of entries) {
    const entry = decodeEntry(bytes);
    if (typeof entry !== 'string' && entry.change.kind === 'remove')
      found.set(entry.change.nodeId, (found.get(entry.change.nodeId) ?? 0) + 1);
  }
  counted.set(entries, found);
  return found;
}
