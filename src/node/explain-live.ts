import type { FlowQuestion } from '../api/control.ts';
import type { PitEntryAnswer } from '../api/pit.ts';
import type { ExplainLive } from '../api/questions.ts';
import type { Millis } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import type { Cid } from '../base/cid.ts';
import { addressKey, writeAddressWords } from '../base/flow-cid.ts';
import { FLOW } from '../base/flow-words.ts';
import { isIpv4 } from '../crypto/address-prefix.ts';
import { describeEntry, entriesFrom } from '../pit/listing.ts';
import { entryAnswer, pathAnswer } from './answers.ts';
import type { Engine } from './engine.ts';
import type { FlowEnd, FlowPath } from './explain.ts';
import { REASON_TEXTS } from './reason-texts.ts';
import { isReason, type Reason } from './reasons.ts';

/** Most flows that are shown, and most entries of the PIT that are looked at for them. */
const SHOWN = 8;
const LOOKED_AT = 200_000;

/** What is in force between this node and the other end at the moment; null between two others. */
export function liveOf(
  engine: Engine,
  { ends, certain }: FlowPath,
  question: FlowQuestion,
  now: Millis,
): ExplainLive | null {
  const self = engine.node.keys.self().id;
  if (!certain) return null;
  const other = ends.find(({ member }) => member !== undefined && member.id !== self)?.member;
  const flows = flowsOf(engine, ends, question, now);
  const reason = failedTo(engine, ends[1], now) ?? flows.find(({ action }) => action === 'discard')?.reason;
  return {
    path: other ? pathAnswer(engine, other.id, now) : null,
    flows,
    blocked: reason !== undefined && isReason(reason) ? { reason, ...REASON_TEXTS[reason] } : null,
  };
}

function flowsOf(engine: Engine, ends: FlowPath['ends'], question: FlowQuestion, now: Millis): PitEntryAnswer[] {
  const { pit, owners } = engine.node;
  const found: PitEntryAnswer[] = [];
  let left = LOOKED_AT;
  for (const entry of entriesFrom(pit)) {
    if (left-- === 0 || found.length === SHOWN) break;
    const described = describeEntry(pit, owners, entry, now);
    if (isAsked(engine, described.cid, ends, question)) found.push(entryAnswer(engine, described));
  }
  return found;
}

function isAsked(engine: Engine, cid: Cid, [source, destination]: FlowPath['ends'], asked: FlowQuestion): boolean {
  if (cid.protocol !== asked.protocol || (asked.port !== 0 && cid.destinationPort !== asked.port)) return false;
  return isAt(engine, cid.source, source) && isAt(engine, cid.destination, destination);
}

function isAt({ node }: Engine, address: Uint8Array, end: FlowEnd): boolean {
  if (end.address) return compareBytes(end.address, address) === 0;
  return node.directory.at(address) === end.member;
}

/** Why a negotiation with the destination failed so lately that it is not tried again yet. */
function failedTo({ node }: Engine, { address, member }: FlowEnd, now: Millis): Reason | undefined {
  const words = new Int32Array(FLOW.stride);
  for (const each of address ? [address] : (member?.vips ?? [])) {
    words[FLOW.head] = (isIpv4(each) ? 4 : 6) << 8;
    writeAddressWords(each, words, FLOW.destination);
    const reason = node.negative.find(addressKey(words, FLOW.destination), now);
    if (reason !== null && isReason(reason)) return reason;
  }
  return undefined;
}
