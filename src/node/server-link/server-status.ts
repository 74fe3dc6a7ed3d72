import type { HealthLine, ServerStatus } from '../../api/status.ts';
import type { UnixSeconds } from '../../base/brands.ts';
import { decodeCaPart } from '../../crypto/credential.ts';
import type { GroupView } from '../../dprp/negotiation-deps.ts';
import type { Enrolment, LinkStatus } from './link-state.ts';
import type { AtRest } from './sealer.ts';

/** What is shown of a node's server; times by the server's clock, as far as it is known. */
export interface ServerFacts {
  readonly link: LinkStatus;
  readonly atRest: AtRest;
  /** undefined before the node was let in */
  readonly enrolment: Pick<Enrolment, 'caPart' | 'caPartAt'> | undefined;
  /** 0: never */
  readonly keysAt: UnixSeconds;
  readonly endpointsAt: UnixSeconds;
  readonly groups: readonly Pick<GroupView, 'versions'>[];
  /** what leases end by: never behind this machine's own clock, and never set back (protocol.md 10.4) */
  readonly leaseClock: UnixSeconds;
  /** seconds that this machine's clock is behind what the server told in an earlier run; 0 once it tells the time again */
  readonly clockBehind: number;
  /** why the last keys were not taken */
  readonly refused: string | undefined;
  /** why keys of an earlier run were not taken up, until there are others */
  readonly keptRefused: string | undefined;
}

/** `server` in `gscip status` of a node that keeps its authority's file. */
export const NO_SERVER: ServerStatus = {
  url: null,
  lastContactSeconds: null,
  connected: false,
  standing: null,
  atRest: 'file permissions only',
  leaseSeconds: null,
  ages: { certificateSeconds: null, keysSeconds: null, rostersSeconds: null, endpointsSeconds: null },
};

const DAY = 86_400;
/** From these on the end of a certificate is told, if it was not renewed as it should have been; in seconds. */
const WARN_AT = [1 * DAY, 7 * DAY, 30 * DAY] as const;
/** The lease is told when less of it is left than this, in seconds. */
const LEASE_WARN = 12 * 3_600;
/** Clocks that differ by more are told, in seconds. */
const CLOCK_WARN = 60;
const END_OF_TIME = 0xffff_ffff;

export function serverStatus(facts: ServerFacts, now: UnixSeconds): ServerStatus {
  const { link, keysAt, endpointsAt } = facts;
  const since = (time: number | undefined) => (time === undefined || time === 0 ? null : Math.max(0, now - time));
  return {
    url: `wss://${link.address}`,
    lastContactSeconds: since(link.lastContact),
    connected: link.connected,
    standing: link.standing,
    atRest: facts.atRest,
    leaseSeconds: leaseLeft(facts, now) ?? null,
    ages: {
      certificateSeconds: since(facts.enrolment?.caPartAt),
      keysSeconds: since(keysAt),
      rostersSeconds: since(keysAt),
      endpointsSeconds: since(endpointsAt),
    },
  };
}

/** Lines about the server at the end of `status`. */
export function serverHealth(facts: ServerFacts, now: UnixSeconds): HealthLine[] {
  return [
    ...reachLines(facts),
    ...standingLines(facts),
    ...certificateLines(facts, now),
    ...leaseLines(facts, now),
    ...clockLines(facts),
    ...leaseClockLines(facts, now),
    ...(facts.refused === undefined ? [] : [refusedLine(facts.refused)]),
  ];
}

function reachLines({ link }: ServerFacts): HealthLine[] {
  const { trouble, address } = link;
  if (link.connected || trouble === undefined || link.standing === 'removed') return [];
  return [{ code: trouble.code, text: `${address}: ${trouble.text}; it is tried again by itself` }];
}

function standingLines({ link }: ServerFacts): HealthLine[] {
  switch (link.standing) {
    case 'pending':
      return [{ code: 'approval-pending', text: 'an administrator has to let this node in: gscip admin node approve' }];
    case 'removed':
      return [
        { code: 'removed', text: 'an administrator took this node out of the network; ask for a new join token' },
      ];
    case 'expired':
      return [{ code: 'certificate-ended', text: "this node's certificate has ended; it asks the server for another" }];
    case 'active':
    case 'joining':
    case 'unknown':
      return [];
  }
}

/** Only where the renewal at two thirds of its life did not work. */
function certificateLines(facts: ServerFacts, now: UnixSeconds): HealthLine[] {
  const certificate = certificateOf(facts);
  if (!certificate || facts.link.standing === 'expired') return [];
  if (facts.keptRefused?.startsWith('cache-certificate-')) return [endedLine(now)];
  const { notBefore, notAfter } = certificate;
  const left = notAfter - now;
  if (now < notBefore + ((notAfter - notBefore) * 2) / 3 || WARN_AT.every((bound) => left >= bound)) return [];
  const when = left < 2 * DAY ? `${Math.max(0, Math.floor(left / 3_600))} hours` : `${Math.floor(left / DAY)} days`;
  return [{ code: 'certificate-ends', text: `this node's certificate ends in ${when}; the server has to be reached` }];
}

/** Of a node that waits for its server, perhaps for nothing but a wrong clock. */
function endedLine(now: UnixSeconds): HealthLine {
  const day = new Date(1_000 * now).toISOString().slice(0, 10);
  return {
    code: 'certificate-ended',
    text: `by this machine's clock it is ${day}, and this node's certificate has ended: the keys that it kept are not used. If the clock is wrong, set it and start the node again; else the server has to be reached`,
  };
}

function leaseLines(facts: ServerFacts, now: UnixSeconds): HealthLine[] {
  const left = leaseLeft(facts, now);
  if (left === undefined || left >= LEASE_WARN) return [];
  const hours = Math.max(0, Math.floor(left / 3_600));
  return [
    {
      code: 'lease-ends',
      text:
        left > 0
          ? `without word from the server no new session is opened in ${hours} hours`
          : "too long without word from the server, or this machine's clock is ahead: no new session is opened until the server is reached",
    },
  ];
}

function clockLines({ link: { clockAhead }, clockBehind }: ServerFacts): HealthLine[] {
  if (clockBehind > CLOCK_WARN)
    return [
      {
        code: 'clock-differs',
        text: `this machine's clock is ${span(clockBehind)} behind the time at which the node last ran; the node goes on from that time until the server tells a better one: set the clock, or let NTP do so`,
      },
    ];
  if (clockAhead === undefined || Math.abs(clockAhead) <= CLOCK_WARN) return [];
  const how = `${span(Math.abs(clockAhead))} ${clockAhead > 0 ? 'ahead of' : 'behind'}`;
  return [{ code: 'clock-differs', text: `this machine's clock is ${how} the server's; set it, or let NTP do so` }];
}

function span(seconds: number): string {
  return seconds < 2 * DAY ? `${Math.round(seconds)} seconds` : `${Math.floor(seconds / DAY)} days`;
}

/** A clock that went ahead once has ended every lease that was held, and sets none of them back when it is right again. */
function leaseClockLines(facts: ServerFacts, now: UnixSeconds): HealthLine[] {
  if ((leaseLeft(facts, now) ?? 0) <= 0 || (leaseLeft(facts, facts.leaseClock) ?? 0) > 0) return [];
  return [
    {
      code: 'lease-clock-ahead',
      text: "this machine's clock is or was so far ahead that every lease has ended by it: no new session is opened. Set the clock and start the node again; sessions follow with the server's next keys (sudo gscip reload)",
    },
  ];
}

function refusedLine(fault: string): HealthLine {
  return {
    code: 'update-refused',
    text: `keys from the server do not go on from those that this node has (${fault}); it keeps what it has`,
  };
}

/** Until the first of the groups admits nobody any more. */
function leaseLeft({ groups }: ServerFacts, now: UnixSeconds): number | undefined {
  const ends = groups
    .flatMap(({ versions }) => versions.find(({ state }) => state === 'current')?.notAfter ?? [])
    .filter((end) => end < END_OF_TIME);
  return ends.length === 0 ? undefined : Math.min(...ends) - now;
}

function certificateOf({ enrolment }: ServerFacts) {
  const decoded = enrolment && decodeCaPart(enrolment.caPart);
  return typeof decoded === 'string' ? undefined : decoded;
}
