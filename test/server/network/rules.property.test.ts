import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NodeId } from '../../../src/base/brands.ts';
import { toHex } from '../../../src/base/bytes.ts';
import { GscipError } from '../../../src/base/errors.ts';
import { unreachable } from '../../../src/base/unreachable.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { verifyRoster } from '../../../src/crypto/roster.ts';
import { addGroup, changeGroup, removeGroup, rollGroup } from '../../../src/server/network/commands/groups.ts';
import {
  addToGroup,
  approveNode,
  changeNode,
  removeFromGroup,
  removeNode,
  renewCertificate,
  touchNodes,
} from '../../../src/server/network/commands/nodes.ts';
import { scheduledRolls } from '../../../src/server/network/commands/scheduled-rolls.ts';
import { createToken, revokeToken } from '../../../src/server/network/commands/tokens.ts';
import { liveNodes, namedGroups } from '../../../src/server/network/find.ts';
import { admitWaiting } from '../../../src/server/network/membership.ts';
import { versionsOf } from '../../../src/server/network/versions.ts';
import { Member, type World, world } from './ground.ts';

/* Any sequence of commands, against a model that knows only who is to be where, and from which version on. */

const NAMES = ['web', 'db', 'mail'] as const;
const GROUPS = ['lab', 'home', 'ops'] as const;
const DAY = 86_400;

type Step =
  | { readonly do: 'token'; readonly groups: readonly string[]; readonly uses: number; readonly approval: boolean }
  | { readonly do: 'redeem'; readonly token: number; readonly machine: number; readonly name: string }
  | { readonly do: 'revoke' | 'approve' | 'remove' | 'fetch' | 'whole'; readonly which: number }
  | { readonly do: 'rename'; readonly which: number; readonly name: string }
  | { readonly do: 'enter' | 'leave'; readonly which: number; readonly group: string }
  | { readonly do: 'roll'; readonly group: string; readonly delay: number }
  | { readonly do: 'rename-group'; readonly group: string; readonly name: string }
  | { readonly do: 'add-group' | 'remove-group'; readonly group: string }
  | { readonly do: 'admit' | 'schedule' }
  | { readonly do: 'time'; readonly seconds: number };

const which = fc.nat(7);
const group = fc.constantFrom(...GROUPS);
const name = fc.constantFrom(...NAMES);

function only<T extends Step['do']>(step: T): fc.Arbitrary<T> {
  return fc.constant(step);
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: only('token'),
    groups: fc.uniqueArray(group, { minLength: 1 }),
    uses: fc.integer({ min: 1, max: 3 }),
    approval: fc.boolean(),
  }),
  { arbitrary: fc.record({ do: only('redeem'), token: which, machine: fc.nat(9), name }), weight: 4 },
  fc.record({ do: fc.constantFrom('revoke' as const, 'approve' as const, 'remove' as const), which }),
  { arbitrary: fc.record({ do: fc.constantFrom('fetch' as const, 'whole' as const), which }), weight: 4 },
  fc.record({ do: only('rename'), which, name }),
  fc.record({ do: fc.constantFrom('enter' as const, 'leave' as const), which, group }),
  fc.record({ do: only('roll'), group, delay: fc.nat(5) }),
  fc.record({ do: only('rename-group'), group, name: group }),
  fc.record({ do: fc.constantFrom('add-group' as const, 'remove-group' as const), group }),
  { arbitrary: fc.record({ do: fc.constantFrom('admit' as const, 'schedule' as const) }), weight: 4 },
  fc.record({ do: only('time'), seconds: fc.oneof(fc.nat(5_000), fc.constantFrom(DAY, -DAY, 2 * DAY, 0)) }),
);

/** From which version on, and up to which, a node was a member of a group. */
interface Stay {
  readonly from: number;
  until: number;
}

class Model {
  readonly network: World = world();
  readonly members = new Map<NodeId, Member>();
  /** by "node group" */
  readonly stays = new Map<string, Stay[]>();
  readonly newest = new Map<string, number>();
  readonly heads = new Map<string, string>();
  readonly keys = new Map<string, string>();

  /** Runs one step. What is refused changes nothing. */
  run(step: Step): void {
    const { revision } = this.network.store.state;
    try {
      this.#do(step);
    } catch (error) {
      if (!(error instanceof GscipError)) throw error;
      expect(this.network.store.state.revision).toBe(revision);
    }
    this.#learn();
  }

  #do(step: Step): void {
    const { network } = this;
    const nodes = [...liveNodes(network.view)];
    const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];
    const nodeName = 'which' in step ? (pick(nodes, step.which)?.name ?? 'nobody') : '';
    const tokens = [...network.view.rows('tokens')];
    switch (step.do) {
      case 'token': {
        const request = { user: 'anna', ...step };
        network.run((tools, draft) => createToken(tools, draft, request, 'test'));
        return;
      }
      case 'redeem': {
        const token = pick(tokens, step.token);
        if (token === undefined) return;
        const node = network.redeem(token.id, step.name, step.machine);
        if (!this.members.has(node.id)) this.members.set(node.id, new Member(network, node));
        return;
      }
      case 'revoke':
        network.run((_, draft) => revokeToken(draft, pick(tokens, step.which)?.id ?? ''));
        return;
      case 'approve':
        network.run((tools, draft) => approveNode(tools, draft, nodeName));
        return;
      case 'remove':
        network.run((tools, draft) => removeNode(tools, draft, nodeName));
        return;
      case 'fetch':
      case 'whole':
        this.#fetch(pick([...this.members.values()], step.which), step.do === 'whole');
        return;
      case 'rename':
        network.run((tools, draft) => changeNode(tools, draft, nodeName, { name: step.name }));
        return;
      case 'enter':
        network.run((tools, draft) => addToGroup(tools, draft, step.group, nodeName));
        return;
      case 'leave':
        network.run((tools, draft) => removeFromGroup(tools, draft, step.group, nodeName));
        return;
      case 'roll':
        network.run((tools, draft) => rollGroup(tools, draft, step.group, step.delay));
        return;
      case 'rename-group':
        network.run((tools, draft) => changeGroup(tools, draft, step.group, { name: step.name }));
        return;
      case 'add-group':
        network.run((tools, draft) => addGroup(tools, draft, { name: step.group }));
        return;
      case 'remove-group':
        network.run((tools, draft) => removeGroup(tools, draft, step.group));
        return;
      case 'admit':
        network.run(admitWaiting);
        return;
      case 'schedule':
        network.run(scheduledRolls);
        return;
      case 'time':
        network.now += step.seconds;
        return;
      default:
        unreachable(step);
    }
  }

  /** Renews its certificate, as a node does first, and asks for what it lacks. */
  #fetch(member: Member | undefined, whole: boolean): void {
    if (member === undefined) return;
    const { network } = this;
    const standing = network.view.get('nodes', member.id)?.standing;
    if (standing === 'active') {
      network.run((tools, draft) => {
        renewCertificate(tools, draft, member.id);
        touchNodes(tools, draft, [member.id]);
      });
    }
    const update = member.fetch({ whole });
    if (standing !== 'active') expect(update).toBe(standing);
  }

  /** Takes over what has changed of who is where; versions only grow, and equal ones have equal heads and keys. */
  #learn(): void {
    const { view } = this.network;
    const there = new Set<string>();
    for (const each of namedGroups(view)) {
      const versions = versionsOf(view, each);
      const newest = versions.at(-1)?.v ?? 0;
      expect(newest).toBeGreaterThanOrEqual(this.newest.get(each.id) ?? 0);
      this.newest.set(each.id, newest);
      for (const { v, rosterHead } of versions) once(this.heads, `${each.id}/${v}`, toHex(rosterHead));
      const roster = this.#rosterOf(each.id);
      for (const id of roster.members.keys()) there.add(`${id} ${each.id}`);
      // a version that stands for an older roster would let in whom the roster does not name
      expect(versions.at(-1)?.rosterSeq).toBe(roster.seq);
    }
    for (const key of there) {
      const stays = this.stays.get(key) ?? [];
      if ((stays.at(-1)?.until ?? 0) !== Number.POSITIVE_INFINITY)
        stays.push({ from: this.newest.get(key.split(' ')[1]) ?? 0, until: Number.POSITIVE_INFINITY });
      this.stays.set(key, stays);
    }
    for (const [key, stays] of this.stays) {
      const stay = stays.at(-1);
      // a group that was removed as a whole has no version after its members'
      if (stay && !there.has(key) && view.get('groups', key.split(' ')[1]))
        stay.until = Math.min(stay.until, this.newest.get(key.split(' ')[1]) ?? 0);
    }
    for (const member of this.members.values()) this.#checkGiven(member);
  }

  /** V4, and backward secrecy: a node was given versions of its own stays only, and all nodes the same key for one version. */
  #checkGiven(member: Member): void {
    for (const [key, rn2] of member.given) {
      once(this.keys, key, rn2);
      const [id = '', v = ''] = key.split('/');
      const stays = this.stays.get(`${member.id} ${id}`) ?? [];
      if (!stays.some(({ from, until }) => Number(v) >= from && Number(v) < until))
        throw new Error(`${member.id} holds ${key}, but was a member in ${JSON.stringify(stays)}`);
    }
  }

  /** The chain, verified from its first entry on. */
  #rosterOf(id: string) {
    const rows = [...this.network.view.rows('roster')].filter((row) => row.group === id);
    const roster = verifyRoster(
      nodeProvider,
      rows.sort((a, b) => a.seq - b.seq).map(({ entry }) => entry),
    );
    if (typeof roster === 'string') throw new Error(roster);
    return roster;
  }

  check(): void {
    const { view } = this.network;
    const names = [...liveNodes(view)].map((node) => node.name);
    expect(new Set(names).size).toBe(names.length);
    const addresses = [...liveNodes(view)].map(({ ipv4 }) => toHex(ipv4));
    expect(new Set(addresses).size).toBe(addresses.length);
    const groups = [...namedGroups(view)].map((each) => each.name);
    expect(new Set(groups).size).toBe(groups.length);
    for (const { used, uses } of view.rows('tokens')) {
      expect(used.length).toBeLessThanOrEqual(uses);
      expect(new Set(used).size).toBe(used.length);
    }
  }

  /** Brings everybody up to date: all members of a group then hold its newest version and its whole roster. */
  converge(): void {
    const { network } = this;
    network.run(admitWaiting);
    this.#learn();
    for (const member of this.members.values()) this.#fetch(member, false);
    this.#learn();
    for (const each of namedGroups(network.view)) {
      const roster = this.#rosterOf(each.id);
      const wanted = [...network.view.rows('nodes')].filter(
        (n) => n.standing === 'active' && n.groups.includes(each.id),
      );
      expect([...roster.members.keys()].sort()).toEqual(wanted.map(({ id }) => id).sort());
      for (const { id } of wanted) {
        const member = this.members.get(id);
        expect(member?.rosters().get(each.name)?.head).toEqual(roster.head);
        expect(member?.given.has(`${each.id}/${each.versions.at(-1)}`)).toBe(true);
        for (const peer of wanted) if (peer.id !== id) expect(member?.peers.get(peer.id)).toBe(peer.name);
      }
    }
  }
}

function once(map: Map<string, string>, key: string, value: string): void {
  expect(map.get(key) ?? value).toBe(value);
  map.set(key, value);
}

it('V1, V4 and the rest hold after any sequence of commands, at any clock, and all nodes agree in the end', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
      const model = new Model();
      for (const each of steps) model.run(each);
      model.check();
      model.converge();
    }),
    { numRuns: 60 },
  );
});
