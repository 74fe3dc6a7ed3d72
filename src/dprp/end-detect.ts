import { type GroupId, type Millis, millis } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { isAddressedTo } from './address-check.ts';
import { currentOf } from './admission.ts';
import { ddeAuthenticated, decodeDde } from './dde.ts';
import { domainOf } from './dde-maker.ts';
import { hashDde, openDde } from './dde-seal.ts';
import type { DprpEffect } from './effects.ts';
import { choose } from './end-choose.ts';
import { offer } from './end-offer.ts';
import { type EndState, HELD_MAX, type OpenedDde } from './end-state.ts';
import { sealCookie, sealNogroup, sealStale } from './hint-seal.ts';
import { count, type NegotiationContext, send, trace } from './negotiation-context.ts';
import type { DomainVersion } from './negotiation-deps.ts';
import { sourceName } from './path-source.ts';
import type { SlotChoice } from './slot-choice.ts';
import type { SlotMatch } from './slot-match.ts';
import type { StaleBox } from './stale.ts';
import { BEHIND_HOLD_MS, REFRESH_HOLD_MS, UNREADABLE_MAX, UNREADABLE_MS } from './tuning.ts';

/*
 * DDE at the end GE. Until the box has opened and the destination is this node's own, nothing is answered (W2, A1):
 *
 *   length, version ─► domain key named by the flags ─► open ─► reflection ─► destination ─► seen before? ─► load? ─► slots
 */

export function handleDde(
  context: NegotiationContext,
  end: EndState,
  bytes: Uint8Array,
  from: PathAddress,
  now: Millis,
): DprpEffect[] {
  const opened = open(context, bytes, from, now);
  if (opened === 'domain' || opened === 'auth') keepUnreadable(end, bytes, from, now);
  if (typeof opened === 'string') return [count(`dde-${opened}`)];
  const seen = trace('DDE', 'received', from, now);
  const [newest] = context.deps.domain();
  if (opened.domain !== newest) return [seen, ...answerDomainOld(context, end, opened, newest, now)];
  const known = end.answered.byKey(opened.key) ?? end.offered.byKey(opened.key);
  if (known) return [seen, ...repeatRgi(end, opened, known.rgi, now)];
  return [seen, ...guarded(context, end, opened, now)];
}

/** Looks at held DDEs again: at those whose time is up, and at all of them after this node's versions changed. */
export function reviewHeld(
  context: NegotiationContext,
  end: EndState,
  versionsChanged: boolean,
  now: Millis,
): DprpEffect[] {
  const effects: DprpEffect[] = [];
  for (const [key, held] of [...end.held]) {
    const over = now >= held.until;
    if (!over && !versionsChanged) continue;
    if (over && held.stage === 'answered') {
      end.held.delete(key);
      continue;
    }
    const choice = choose(context, held.opened, over, now);
    if (choice === 'too-many-groups' || (!over && wouldAnswerAsBehind(context, held.opened, choice))) continue;
    end.held.delete(key);
    // an answer under the former version stands, too: the start GE goes on with the one that it takes
    const former = held.stage === 'answered' ? end.offered.byKey(key) : undefined;
    if (former) end.offered.forgetKey(former);
    effects.push(...answer(context, end, held.opened, choice, now));
  }
  return effects;
}

/** Reads DDEs that came under a domain key which this node did not hold then (protocol.md 2.5). */
export function reviewUnreadable(context: NegotiationContext, end: EndState, now: Millis): DprpEffect[] {
  const waiting = [...end.unreadable.values()].filter(({ until }) => now < until);
  end.unreadable.clear();
  return waiting.flatMap(({ bytes, from, until }) => {
    const effects = handleDde(context, end, bytes, from, now);
    const again = end.unreadable.get(nameOfBytes(bytes));
    if (again) end.unreadable.set(nameOfBytes(bytes), { ...again, until });
    return effects;
  });
}

/** Bounded in number and time; nothing is answered, and nothing is believed of it (W2). */
function keepUnreadable(end: EndState, bytes: Uint8Array, from: PathAddress, now: Millis): void {
  const name = nameOfBytes(bytes);
  if (end.unreadable.has(name)) return;
  for (const [oldest, { until }] of end.unreadable)
    if (now >= until || end.unreadable.size >= UNREADABLE_MAX) end.unreadable.delete(oldest);
    else break;
  end.unreadable.set(name, { bytes: bytes.slice(), from, until: millis(now + UNREADABLE_MS) });
}

/** The box of a DDE is different in each one. */
function nameOfBytes(bytes: Uint8Array): string {
  return toHex(bytes.subarray(172, 268));
}

/** Whether newer keys of this node might bring a better answer (protocol.md 3.5, classes 3 and 5). */
function wouldAnswerAsBehind(context: NegotiationContext, opened: OpenedDde, choice: SlotChoice<SlotMatch>): boolean {
  switch (choice.kind) {
    case 'refresh':
      return true;
    case 'accept':
      return choice.match.previous;
    case 'stale':
      return choice.reason === 'behind' && choice.match.previous;
    case 'nogroup':
      return sharedGroup(context, opened) !== undefined;
    default:
      return unreachable(choice);
  }
}

/** A group that by this node's rosters both ends are in: that no tag is known then means that one end is far behind. */
function sharedGroup({ deps }: NegotiationContext, { box }: OpenedDde): GroupId | undefined {
  const own = deps.identity().caPart.nodeId;
  return deps.groups().find(({ roster, stopped }) => {
    const other = roster.covers(box.cid.source);
    return !stopped && other !== undefined && other !== own && roster.memberCovers(own, box.cid.destination);
  })?.id;
}

function open(context: NegotiationContext, bytes: Uint8Array, from: PathAddress, now: Millis): OpenedDde | string {
  const dde = decodeDde(bytes);
  if (typeof dde === 'string') return dde;
  const { deps, provider } = context;
  const domain = domainOf(dde, deps.domain());
  if (domain === undefined) return 'domain';
  const box = openDde(provider, domain.kDde, bytes, dde);
  if (typeof box === 'string') return box;
  if (context.ephemerals.isOwn(dde.ephemeral)) return 'reflected'; // H8
  if (!isAddressedTo(deps.identity().caPart, deps.groups(), box.cid.destination)) return 'not-mine'; // A1
  const name = toHex(hashDde(provider, bytes));
  return { bytes, dde, box, domain, name, key: `${name}/${dde.header.hops}`, from, since: now };
}

/** Load and cookies (protocol.md 2.5, H7). */
function guarded(context: NegotiationContext, end: EndState, opened: OpenedDde, now: Millis): DprpEffect[] {
  const { dde, from } = opened;
  end.guard.countHandshake(now);
  if (end.guard.underLoad(end.offered.size, now)) {
    if (!end.guard.hasCookie(dde.mac2, ddeAuthenticated(opened.bytes), from, now))
      return answerCookie(context, end, opened, now);
    if (!end.guard.takeToken(from, now)) return [count('dde-source-rate')];
  }
  // Without a GMS there is nothing to refresh from, and nothing to wait for.
  const { noGms } = context.deps.settings;
  const choice = choose(context, opened, noGms, now);
  if (choice === 'too-many-groups') return [count(choice)];
  if (choice.kind === 'refresh') return hold(end, opened, choice.match.group.id, now);
  const shared = choice.kind === 'nogroup' && !noGms ? sharedGroup(context, opened) : undefined;
  return shared === undefined ? answer(context, end, opened, choice, now) : hold(end, opened, shared, now);
}

function answer(
  context: NegotiationContext,
  end: EndState,
  opened: OpenedDde,
  choice: SlotChoice<SlotMatch>,
  now: Millis,
): DprpEffect[] {
  if (choice.kind === 'refresh') return [];
  if (wouldAnswerAsBehind(context, opened, choice)) {
    const until = millis(opened.since + BEHIND_HOLD_MS);
    if (end.held.size < HELD_MAX) end.held.set(opened.key, { opened, until, stage: 'answered' });
  }
  if (choice.kind === 'nogroup') return answerNogroup(context, end, opened, now);
  if (!end.budget.take(opened.name, opened.from, now)) return [count('dde-answered-enough')];
  if (choice.kind === 'accept') return offer(context, end, opened, choice.match, choice.oldSlot, now);
  const { match } = choice;
  const needed = currentOf(match.group) ?? match.version;
  const hint: StaleBox = { epoch: needed.r, version: needed.v, rosterSeq: needed.rosterSeq, reason: choice.reason };
  return sendStale(context, opened, match.slot, match.version.kStale, hint, now);
}

/** The same bytes to whoever repeats a DDE (H6). */
function repeatRgi(end: EndState, opened: OpenedDde, rgi: Uint8Array, now: Millis): DprpEffect[] {
  if (!end.budget.take(opened.name, opened.from, now)) return [count('dde-answered-enough')];
  return [send(rgi, opened.from), trace('RGI', 'sent', opened.from, now)];
}

function hold(end: EndState, opened: OpenedDde, group: GroupId, now: Millis): DprpEffect[] {
  if (end.held.has(opened.key)) return [];
  if (end.held.size >= HELD_MAX) return [count('held-dde-full')];
  end.held.set(opened.key, { opened, until: millis(now + REFRESH_HOLD_MS), stage: 'waiting' });
  return [{ kind: 'refresh', what: 'group', group, version: 0 }];
}

function answerCookie(context: NegotiationContext, end: EndState, opened: OpenedDde, now: Millis): DprpEffect[] {
  const { dde, domain, from } = opened;
  const random = (length: number) => context.deps.random(length);
  const bytes = sealCookie(context.provider, random, dde, domain.kTag, end.guard.cookie(from, now));
  return [send(bytes, from), trace('COOKIE', 'sent', from, now)];
}

/** D-STALE: an old domain key opens a DDE for this answer only (protocol.md 2.5). */
function answerDomainOld(
  context: NegotiationContext,
  end: EndState,
  opened: OpenedDde,
  newest: DomainVersion,
  now: Millis,
): DprpEffect[] {
  if (!end.budget.take(opened.name, opened.from, now)) return [count('dde-answered-enough')];
  const hint: StaleBox = { epoch: newest.r, version: newest.v, rosterSeq: 0, reason: 'domain' };
  return sendStale(context, opened, 'domain', opened.domain.kStale, hint, now);
}

function sendStale(
  context: NegotiationContext,
  { dde, from }: OpenedDde,
  slot: number | 'domain',
  kStale: Uint8Array,
  hint: StaleBox,
  now: Millis,
): DprpEffect[] {
  const random = (length: number) => context.deps.random(length);
  return [send(sealStale(context.provider, random, dde, slot, kStale, hint), from), trace('STALE', 'sent', from, now)];
}

/** At most one a second for a source and 50 in all (protocol.md 8.1). */
function answerNogroup(context: NegotiationContext, end: EndState, opened: OpenedDde, now: Millis): DprpEffect[] {
  const { dde, domain, from, name } = opened;
  const allowed = end.nogroupPerSource.take(sourceName(from), now) && end.nogroupInAll.take('', now);
  if (!allowed || !end.budget.take(name, from, now)) return [count('nogroup-rate')];
  const { mode, type } = context.deps.settings;
  const random = (length: number) => context.deps.random(length);
  const bytes = sealNogroup(context.provider, random, dde, domain.kDde, { mode, type });
  return [send(bytes, from), trace('NOGROUP', 'sent', from, now)];
}
