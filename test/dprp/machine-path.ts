import { type Millis, millis, type NodeId } from '../../src/base/brands.ts';
import type { Cid } from '../../src/base/cid.ts';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import type { PathAddress } from '../../src/base/path-address.ts';
import type { AddressPrefix } from '../../src/crypto/address-prefix.ts';
import { CaPartMemory } from '../../src/crypto/ca-part-memory.ts';
import { caPartCovers } from '../../src/crypto/credential.ts';
import type { Identity } from '../../src/crypto/identity.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { SideName } from '../../src/dprp/constants.ts';
import type { Failure } from '../../src/dprp/effects.ts';
import { EphemeralSource } from '../../src/dprp/ephemeral.ts';
import { type HopPassage, OnPathElement } from '../../src/dprp/hop.ts';
import type { RelayEntry } from '../../src/dprp/relay-table.ts';
import { mayTerminate } from '../../src/dprp/terminate.ts';
import { caPartBytes } from './hop-bench.ts';
import {
  address,
  counterRandom,
  type Datagram,
  flow,
  groupView,
  type NodeOptions,
  TestNode,
  version,
  World,
} from './negotiation-world.ts';
import type { ModelElement } from './path-model.ts';
import { numbered } from './path-notation.ts';

/**
 * A path of whole machines: each element has its own keys, rosters and clock, is an end GE or one on the path as it comes,
 * and does only what it can know itself. A packet is sent along it, and what each of them did is written down.
 */
export interface MachineOutcome {
  readonly result: 'encrypt' | 'plain' | 'discard' | 'stale';
  readonly actions: readonly string[];
  /** kinds of the datagrams that the two ends sent each other, in order */
  readonly messages: readonly number[];
}

/** The terminals' own addresses, where no GES gives them one of the overlay. */
const TERMINAL = { S: '10.0.0.1', D: '10.0.9.1' } as const;
const OVERLAY = { S: '100.64.0.1', D: '100.64.0.2' } as const;
const SIDE = { S: 's', D: 'd', N: 'n', B: 'b' } as const;
const MIRROR: Readonly<Record<SideName, SideName>> = { s: 'd', d: 's', n: 'n', b: 'b' };

const identities = new Map<string, Identity>();

/** One element, at its place. */
class Machine {
  readonly model: ModelElement;
  readonly node: TestNode;
  readonly #certificates: ReadonlyMap<NodeId, Uint8Array>;
  #onPath: OnPathElement | undefined;
  readonly entries: RelayEntry[] = [];

  constructor(path: readonly ModelElement[], at: number, certificates: ReadonlyMap<NodeId, Uint8Array>) {
    const model = path[at];
    const mode = model.closed ? 'cl' : 'op';
    const type = model.type === 'GES' ? 'ges' : model.type === 'GEN' ? 'gen' : 'gea';
    const near = path.findIndex(({ side }) => side === model.side);
    const depth = model.side === 'S' ? at - near : path.length - 1 - at;
    const { vips, routes } = addressesOf(model, at, depth);
    const name = `${type} ${mode} ${model.side} ${at} ${depth}`;
    const options: NodeOptions = { vips, routes, mode, type };
    const identity = identities.get(name);
    this.model = model;
    this.node = new TestNode(name, `192.0.2.${at + 1}:47247`, identity ? { ...options, identity } : options);
    identities.set(name, this.node.identity);
    this.#certificates = certificates;
  }

  /** What it does between two others. */
  pass(bytes: Uint8Array, passage: HopPassage, now: Millis): Uint8Array | null {
    this.#onPath ??= this.#element();
    const { forward, effects } = this.#onPath.handle(bytes, passage, now);
    for (const effect of effects) if (effect.kind === 'relay-entry') this.entries.push(effect.entry);
    return forward;
  }

  covers(inner: Uint8Array): boolean {
    return caPartCovers(this.node.identity.caPart, inner);
  }

  /** A closed element lets nothing through in clear that leaves or enters what it protects. */
  get stopsClearText(): boolean {
    return this.model.closed && (this.model.side === 'S' || this.model.side === 'D');
  }

  #element(): OnPathElement {
    const { node } = this;
    const hedge = { key: nodeProvider.sha256(node.identity.edPublic), bootCounter: 1 };
    return new OnPathElement({
      caParts: new CaPartMemory(nodeProvider),
      provider: nodeProvider,
      authorities: () => node.authorities,
      unixNow: () => node.unix,
      caPartOf: (id) => this.#certificates.get(id),
      identity: () => node.identity,
      groups: () => node.groups,
      domain: () => node.domain,
      settings: node.settings,
      ephemerals: new EphemeralSource(nodeProvider, counterRandom(`${node.name} on path`), hedge),
    });
  }
}

function addressesOf({ type, side }: ModelElement, at: number, depth: number) {
  const own = `100.64.1.${at + 1}`;
  if (side !== 'S' && side !== 'D') return { vips: [own], routes: [] };
  if (type === 'GES') return { vips: [OVERLAY[side]], routes: [] };
  const route: AddressPrefix = { family: 4, address: address(TERMINAL[side]), length: 32 - depth };
  return { vips: [own], routes: [masked(route)] };
}

/** The last terminals' bits are zero. */
function masked({ family, address: bytes, length }: AddressPrefix): AddressPrefix {
  const copy = bytes.slice();
  copy[15] &= 0xff << (32 - length);
  return { family, address: copy, length };
}

/** Sends one packet along the path and says what became of it. */
export function runMachines(path: readonly ModelElement[]): MachineOutcome {
  const certificates = new Map<NodeId, Uint8Array>();
  const machines = path.map((_, at) => new Machine(path, at, certificates));
  for (const { node } of machines) certificates.set(node.id, caPartBytes(node.identity));
  for (const { node } of machines) for (const [id, bytes] of certificates) node.certificates.set(id, bytes);
  giveGroups(machines);
  const cid = flow(terminalOf(path, 'S'), terminalOf(path, 'D'));
  const world = new World(...machines.map(({ node }) => node));
  const inside = new Set<Datagram>();
  const sent = () => {
    const kinds = world.log.filter((each) => !inside.has(each)).map(({ bytes }) => bytes[0]);
    // until the inner GEN says that it has no group the DDE may have been repeated
    return inside.size === 0 ? kinds : kinds.filter((kind, at) => kind !== DATAGRAM.dde || kinds[at - 1] !== kind);
  };
  const all = (result: MachineOutcome['result'], action: string): MachineOutcome => ({
    result,
    actions: path.map(() => action),
    messages: sent(),
  });
  let tunnel: { readonly from: number; readonly to: number } | undefined;
  for (const [at, machine] of machines.entries()) {
    if (tunnel !== undefined && at <= tunnel.to) continue;
    if (tunnel === undefined && machine.model.side === 'S' && speaksFor(machines, at, cid.source)) {
      const to = negotiate(world, machines, at, cid, inside);
      if (typeof to === 'object') {
        // whatever the newer keys bring, a closed element outside of the two discards by itself
        const outside = machines.filter((_, other) => other < at || other > to.waits);
        return outside.some((other) => other.stopsClearText) ? all('discard', 'DISCARD') : all('stale', 'HOLD');
      }
      if (to !== undefined) tunnel = { from: at, to };
      if (to !== undefined) continue;
    }
    if (machine.stopsClearText) return all('discard', 'DISCARD');
  }
  if (tunnel === undefined) return all('plain', 'RELAY-P');
  return { result: 'encrypt', actions: actionsOf(machines, tunnel), messages: sent() };
}

function terminalOf(path: readonly ModelElement[], side: 'S' | 'D'): string {
  const own = side === 'S' ? path.find((element) => element.side === side) : path.findLast((one) => one.side === side);
  return own?.type === 'GES' ? OVERLAY[side] : TERMINAL[side];
}

/** Whether an address is an element's to speak for: its own by its certificate, and no GES or GEA below it has proved it its own. */
function speaksFor(machines: readonly Machine[], at: number, inner: Uint8Array): boolean {
  const below = machines.slice(0, at).filter(({ model }) => model.type !== 'GEN');
  return machines[at].covers(inner) && !below.some((machine) => machine.covers(inner));
}

/** Each group's roster has all of its holders; what is older than an element's newest version it only recognises. */
function giveGroups(machines: readonly Machine[]): void {
  for (const { model, node } of machines)
    node.groups = [...model.groups].map(([group, newest]) => {
      const members = machines.filter((other) => other.model.groups.has(group)).map((other) => other.node);
      const older = Array.from({ length: newest - 1 }, (_, at) => newest - 1 - at).map((v) =>
        version(numbered(group), v, { state: 'tagonly', kPsk: undefined }),
      );
      return groupView(numbered(group), members, [version(numbered(group), newest), ...older]);
    });
}

/** The position of the other end; or of the one with which newer keys are waited for; or nothing came of it. */
type Negotiated = number | { readonly waits: number } | undefined;

/** DPRP from the element at `at`; `inside` gets the hints that a GEN on the way took for its own turn. */
function negotiate(
  world: World,
  machines: readonly Machine[],
  at: number,
  cid: Cid,
  inside: Set<Datagram>,
): Negotiated {
  const { node } = machines[at];
  const owners = node.groups.map(({ roster }) => roster.covers(cid.destination)).filter((owner) => owner !== node.id);
  const named = machines.findLastIndex((machine) => owners.includes(machine.node.id));
  if (named < 0) return undefined;
  const turns = speakersAt(machines, named, cid);
  let [to] = turns;
  const request = { cid, paths: [machines[to].node.path], purpose: 'flow' } as const;
  let dde: Datagram | undefined;
  world.apply(node, node.negotiations.start(request, world.now));
  for (let steps = 0; steps < 200; steps++) {
    if (node.of('negotiated').length > 0) return to;
    const failed = node.of('failed').at(-1);
    if (failed !== undefined) return WAITS.has(failed.reason) ? { waits: to } : undefined;
    if (world.wire.length === 0) {
      pass(world);
      continue;
    }
    const datagram = world.take();
    if (datagram.from === node && datagram.bytes[0] === DATAGRAM.dde) dde = datagram;
    const next = turns[turns.indexOf(to) + 1];
    if (datagram.bytes[0] === DATAGRAM.nogroup && dde && next !== undefined && mayTake(machines[next], cid)) {
      to = next;
      inside.add(datagram);
      deliver(world, machines.slice(at + 1, to), node, { ...dde, to: machines[to].node.path });
    } else deliver(world, machines.slice(at + 1, to), node, { ...datagram, to: sentTo(datagram, node, machines[to]) });
  }
  throw new Error('neither negotiated nor given up');
}

/** Who answers for the destination, one after the other: what is below a GEN has proved itself to it, so that it hands the DDE on. */
function speakersAt(machines: readonly Machine[], named: number, { destination }: Cid): readonly [number, ...number[]] {
  const isOver = (at: number) => machines[at].model.side === 'D' && machines[at].covers(destination);
  const own = machines.findLastIndex(({ model }) => model.side === 'D' && model.type !== 'GEN');
  if (own > named && isOver(own)) return [own];
  const over = machines.flatMap((_, at) => (at > 0 && isOver(at) && machines[at].model.type === 'GEN' ? [at] : []));
  const [innermost, ...others] = over.toReversed();
  return innermost === undefined || machines[named].model.type !== 'GEN' ? [named] : [innermost, ...others];
}

/** C3, at one that sees NOGROUP from its inside. */
function mayTake({ node }: Machine, cid: Cid): boolean {
  return mayTerminate(node.identity.caPart, node.groups, cid);
}

/** The start GE's datagrams go to whose turn it is. */
function sentTo({ from, to }: Datagram, start: TestNode, end: Machine): PathAddress {
  return from === start ? end.node.path : to;
}

/** Nobody brings newer keys here, so that what waits for them is given up in the end. */
const WAITS: ReadonlySet<Failure> = new Set<Failure>(['stale-key', 'peer-behind']);

function deliver(world: World, between: readonly Machine[], start: TestNode, datagram: Datagram): void {
  const bytes = cross(between, datagram, datagram.from === start, world.now);
  if (bytes !== null) world.deliver(datagram, bytes);
}

/** To the next deadline of any of them. */
function pass(world: World): void {
  const deadlines = world.nodes.flatMap((each) => each.negotiations.nextDeadline() ?? []);
  world.now = millis(Math.max(world.now + 1, Math.min(...deadlines)));
  for (const each of world.nodes) world.apply(each, each.negotiations.tick(world.now));
}

function cross(between: readonly Machine[], datagram: Datagram, out: boolean, now: Millis): Uint8Array | null {
  let passing: Uint8Array | null = datagram.bytes;
  for (const machine of out ? between : between.toReversed()) {
    if (passing === null) return null;
    const side = SIDE[machine.model.side];
    const passage = { from: datagram.from.path, to: datagram.to, side: out ? side : MIRROR[side] };
    passing = machine.pass(passing, passage, now);
  }
  return passing;
}

/** Read off what the machines hold: SAs at the ends, relay entries between them, nothing elsewhere. */
function actionsOf(
  machines: readonly Machine[],
  { from, to }: { readonly from: number; readonly to: number },
): string[] {
  return machines.map(({ node, entries }, at) => {
    const [sa] = node.of('install-receive').map((effect) => effect.sa);
    if (sa !== undefined) {
      const peer = machines[at === from ? to : from].node.id;
      const v = sa.version === 1 ? '' : `.${sa.version}`;
      return sa.peer === peer ? `ENC(${Number.parseInt(sa.group, 16)}${v})` : 'ENC(with whom?)';
    }
    const [entry] = entries;
    if (entry === undefined) return 'RELAY-P';
    const right = entry.startNode === machines[from].node.id && entry.endNode === machines[to].node.id;
    return right && entry.action === 'relay' && entries.length === 1 ? 'RELAY-C' : 'RELAY(what?)';
  });
}
