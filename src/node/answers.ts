import type { PitEntryAnswer, RelayedAnswer } from '../api/pit.ts';
import type { GroupStatus, HeldVersionStatus, PeerStatus, SaStatus } from '../api/status.ts';
import type { Millis, NodeId } from '../base/brands.ts';
import { formatAddress } from '../base/ip-address.ts';
import { SUITE } from '../base/primitives.ts';
import { isIpv4 } from '../crypto/address-prefix.ts';
import { currentOf } from '../dprp/admission.ts';
import { RULES } from '../dprp/decision-table.ts';
import type { GroupView } from '../dprp/negotiation-deps.ts';
import type { RelayListing } from '../dprp/relay-table.ts';
import { reasonText } from '../nat/path-reason.ts';
import { routeOf } from '../nat/path-route.ts';
import type { Sa } from '../pccom/sa.ts';
import { describeEntry, type PitEntry } from '../pit/listing.ts';
import type { Engine } from './engine.ts';
import type { Member } from './key-store.ts';
import { reasonName } from './reasons.ts';

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6' };

/** One PIT entry as the API shows it. */
export function pitEntryAnswer(engine: Engine, entry: number, now: Millis): PitEntryAnswer {
  const { pit, owners } = engine.node;
  return entryAnswer(engine, describeEntry(pit, owners, entry, now));
}

/** The same of an entry that was described already. */
export function entryAnswer(engine: Engine, entry: PitEntry): PitEntryAnswer {
  const { owners, sas, keys, directory } = engine.node;
  const { cid, owner } = entry;
  const sender = owner && sas.sender(owners.number(owner));
  return {
    protocol: PROTOCOL_NAMES[cid.protocol] ?? `${cid.protocol}`,
    source: addressText(cid.source),
    sourcePort: cid.sourcePort,
    destination: addressText(cid.destination),
    destinationPort: cid.destinationPort,
    action: entry.action,
    state: entry.state,
    group: owner && keys.groupName(owner.group),
    version: owner ? (sender?.version ?? entry.version) : null,
    peer: owner && engine.node.peerName(owner.peer),
    packets: entry.packets[0] + entry.packets[1],
    bytes: entry.bytes[0] + entry.bytes[1],
    idleSeconds: entry.idleSeconds,
    reason: reasonName(entry.reason),
    sourceNode: directory.at(cid.source)?.name ?? null,
    destinationNode: directory.at(cid.destination)?.name ?? null,
    forward: { packets: entry.packets[0], bytes: entry.bytes[0] },
    reverse: { packets: entry.packets[1], bytes: entry.bytes[1] },
    ageSeconds: entry.ageSeconds,
  };
}

/** What passes between two others, as the API shows it. */
export function relayedAnswer({ node }: Engine, relayed: RelayListing, now: Millis): RelayedAnswer {
  const { entry, forward, reverse, installedAt, usedAt } = relayed;
  return {
    start: node.peerName(entry.startNode),
    end: node.peerName(entry.endNode),
    startId: entry.startNode,
    endId: entry.endNode,
    action: entry.action,
    rule: RULES[entry.action === 'relay' ? 'common-group' : 'no-common-group'].step,
    packets: forward.packets + reverse.packets,
    bytes: forward.bytes + reverse.bytes,
    forward: { ...forward },
    reverse: { ...reverse },
    ageSeconds: (now - installedAt) / 1_000,
    idleSeconds: Math.floor((now - usedAt) / 1_000),
  };
}

export function groupAnswers(engine: Engine): GroupStatus[] {
  return engine.node.keys.groups().map((group) => {
    const current = currentOf(group);
    const next = group.versions.find(({ state }) => state === 'next');
    return {
      name: engine.node.keys.groupName(group.id),
      id: group.id,
      version: current?.v ?? 0,
      state: group.stopped ? 'stopped' : current ? 'current' : 'no key in force',
      managed: engine.node.keys.isManaged(group.id),
      readableByAdministrator: engine.node.keys.isManaged(group.id),
      next: next?.v ?? null,
      held: heldVersions(group),
      members: group.roster.members.size,
    };
  });
}

/** Whether the node has a key in force for each of its groups. */
export function hasKeys(engine: Engine): boolean {
  return engine.node.keys.groups().every((group) => !group.stopped && currentOf(group) !== undefined);
}

/** What is kept of a version only to answer that it is old is no key. */
function heldVersions({ versions }: GroupView): HeldVersionStatus[] {
  return versions.flatMap(({ v, state }) => (state === 'tagonly' ? [] : [{ version: v, state }]));
}

/** Rates are measured by the caller, who knows the last reading. */
export function peerAnswer(
  engine: Engine,
  member: Member,
  rates: { readonly rx: number; readonly tx: number },
  now: Millis,
): PeerStatus {
  const { paths, sas, keys, mtus } = engine.node;
  const { inner, measured } = mtus.of(paths.peer(member.id).slot);
  const own = [...sas.sas()].filter(({ peer }) => peer === member.id);
  const newest = Math.max(...own.map(({ receiveSince }) => receiveSince));
  return {
    name: member.name,
    id: member.id,
    type: member.type,
    mode: member.mode,
    addresses: member.addresses,
    path: pathAnswer(engine, member.id, now),
    mtu: { inner, measured },
    sas: own.map((sa) => saAnswer(sa, keys.groupName(sa.group), sas.isSender(sa), now)),
    ...engine.traffic(member.id),
    rxBitsPerSecond: rates.rx,
    txBitsPerSecond: rates.tx,
    lastHandshakeSeconds: own.length === 0 ? null : (now - newest) / 1000,
  };
}

/** Which way traffic to a peer goes, and why; without a coordinator nothing is chosen, so the reason is whether it was proved. */
export function pathAnswer(engine: Engine, peer: NodeId, now: Millis): PeerStatus['path'] {
  const { current, hints } = engine.node.paths.peer(peer);
  const report = engine.reach.report(peer, now);
  const endpoint = current && engine.elements.endpointOf(current);
  const route = endpoint === undefined ? undefined : routeOf(endpoint);
  const unproved = hints.length > 0 ? 'not-tried' : 'no-endpoint-known';
  const reason = report?.reason ?? (route ? 'proved' : unproved);
  return {
    kind: endpoint !== current ? 'gateway' : (route?.kind ?? 'none'),
    endpoint: route?.address ?? hints[0] ?? null,
    reason,
    text: reasonText(reason),
  };
}

function saAnswer(sa: Sa, group: string, sending: boolean, now: Millis): SaStatus {
  return {
    group,
    version: sa.version,
    ageSeconds: (now - sa.receiveSince) / 1000,
    role: sa.role,
    suite: sa.suite === SUITE.aes256gcm ? 'aes-256-gcm' : 'chacha20-poly1305',
    sending,
  };
}

function addressText(address: Uint8Array): string {
  return formatAddress(isIpv4(address) ? address.subarray(12) : address);
}

/** Groups that came, went, or show another key or other members. */
export function changedGroups(before: readonly GroupStatus[], after: readonly GroupStatus[]): number {
  const [old, fresh] = [before, after].map((groups) => new Set(groups.map((group) => JSON.stringify(group))));
  const gone = before.filter(({ id }) => !after.some((group) => group.id === id)).length;
  return gone + [...fresh].filter((group) => !old.has(group)).length;
}
