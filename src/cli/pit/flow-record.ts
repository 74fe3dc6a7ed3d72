import type {
  PitEntryAnswer,
  PitEventAnswer,
  PitFlowEvent,
  PitRelayedEvent,
  PitTraffic,
  RelayedAnswer,
} from '../../api/pit.ts';
import { unreachable } from '../../base/unreachable.ts';

/** The node that tells. */
export interface Reporter {
  readonly name: string;
  readonly id: string;
}

/** One line of `gscip pit export`: who reached what, when, under which group and version. Never what was said. */
export type FlowRecord = FlowChange | RelayChange | FlowGap;

export interface FlowChange {
  readonly schema: 1;
  /** ISO 8601 in UTC */
  readonly at: string;
  readonly node: Reporter;
  /** `open`: was there when the export began; `refused`: packets of it are dropped */
  readonly event: 'open' | 'begin' | 'end' | 'refused';
  readonly protocol: string;
  readonly source: FlowPoint;
  readonly destination: FlowPoint;
  readonly action: PitEntryAnswer['action'];
  readonly group: string | null;
  readonly version: number | null;
  readonly peer: string | null;
  /** why it is allowed or refused */
  readonly reason: string;
  /** why it ended, else empty */
  readonly cause: string;
  /** since when the flow is there */
  readonly since: string;
  readonly forward: PitTraffic;
  readonly reverse: PitTraffic;
}

/** Ciphertext of two others that the node passes on, unread: who, when and how much. */
export interface RelayChange {
  readonly schema: 1;
  readonly at: string;
  readonly node: Reporter;
  readonly event: 'relay-open' | 'relay-begin' | 'relay-end';
  readonly start: { readonly node: string; readonly id: string };
  readonly end: { readonly node: string; readonly id: string };
  readonly action: RelayedAnswer['action'];
  readonly rule: number;
  readonly cause: string;
  readonly since: string;
  readonly forward: PitTraffic;
  readonly reverse: PitTraffic;
}

export interface FlowPoint {
  readonly address: string;
  readonly port: number;
  /** the node that it is, or behind which it is; null for a stranger */
  readonly node: string | null;
}

/** `missed`: so many changes were lost, as this reader was too slow; `end-of-agent`: the agent stopped. */
export interface FlowGap {
  readonly schema: 1;
  readonly at: string;
  readonly node: Reporter;
  readonly event: 'missed' | 'end-of-agent';
  readonly missed: number;
}

/** What is written of an event; undefined for a step on the way: a flow that is being negotiated. */
export function flowRecord(event: PitEventAnswer, node: Reporter): FlowRecord | undefined {
  switch (event.event) {
    case 'missed':
      return { schema: 1, at: event.at, node, event: 'missed', missed: event.missed };
    case 'end':
      return { schema: 1, at: event.at, node, event: 'end-of-agent', missed: 0 };
    case 'open':
    case 'created':
    case 'confirmed':
    case 'closed': {
      const kind = kindOf(event);
      return kind && flowChange(event, kind, node);
    }
    case 'relay-open':
    case 'relay-created':
    case 'relay-closed':
      return relayChange(event, node);
    default:
      return unreachable(event);
  }
}

const RELAY_EVENTS = {
  'relay-open': 'relay-open',
  'relay-created': 'relay-begin',
  'relay-closed': 'relay-end',
} as const;

function relayChange({ at, event, cause, relayed }: PitRelayedEvent, node: Reporter): RelayChange {
  const { start, end, startId, endId, action, rule, forward, reverse } = relayed;
  return {
    schema: 1,
    at,
    node,
    event: RELAY_EVENTS[event],
    start: { node: start, id: startId },
    end: { node: end, id: endId },
    action,
    rule,
    cause,
    since: sinceOf(at, relayed.ageSeconds),
    forward,
    reverse,
  };
}

function sinceOf(at: string, ageSeconds: number): string {
  return new Date(Date.parse(at) - ageSeconds * 1_000).toISOString();
}

function kindOf({ event, entry }: PitFlowEvent): FlowChange['event'] | undefined {
  if (event === 'closed') return entry.state === 'confirmed' || entry.packets > 0 ? 'end' : undefined;
  if (entry.state !== 'confirmed') return undefined;
  if (event === 'open') return 'open';
  return entry.action === 'discard' ? 'refused' : 'begin';
}

function flowChange({ at, cause, entry }: PitFlowEvent, event: FlowChange['event'], node: Reporter): FlowChange {
  const { protocol, action, group, version, peer, reason, forward, reverse } = entry;
  return {
    schema: 1,
    at,
    node,
    event,
    protocol,
    source: { address: entry.source, port: entry.sourcePort, node: entry.sourceNode },
    destination: { address: entry.destination, port: entry.destinationPort, node: entry.destinationNode },
    action,
    group,
    version,
    peer,
    reason,
    cause,
    since: sinceOf(at, entry.ageSeconds),
    forward,
    reverse,
  };
}
