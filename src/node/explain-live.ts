import type { FlowQuestion } from '../api/control.ts';
import type { PitEntryAnswer } from '../api/pit.ts';
import type { ExplainLive } from '../api/questions.ts';
import type { Millis } from '../base/brands.ts';
import { addressKey, writeAddressWords } from '../base/flow-cid.ts';
import { FLOW } from '../base/flow-words.ts';
import { isIpv4 } from '../crypto/address-prefix.ts';
import { describeEntry, entriesFrom } from '../pit/listing.ts';
import { entryAnswer, pathAnswer } from './answers.ts';
import type { Engine } from './engine.ts';
import type { FlowEnd, FlowPath } from './explain.ts';
import { REASON_TEXTS } from './reason-texts.ts';
import { isReason, type Reason } from './reasons.ts';

/** Most flows that are shown, and most entries of the PIT that are looked at for them: packets wait meanwhile. */
const SHOWN = 8;
const LOOKED_AT = 16_384;

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
  if (other && ends.some(({ address }) => address !== undefined && engine.node.home.lanOf(address) === 'strange'))
    return { path: pathAnswer(engine, other.id, now), flows, blocked: strangeLan(other.name), relayed: [] };
  const reason = failedTo(engine, ends[1], now) ?? flows.find(({ action }) => action === 'discard')?.reason;
  return {
    path: other ? pathAnswer(engine, other.id, now) : null,
    flows,
    blocked: reason !== undefined && isReason(reason) ? { reason, ...REASON_TEXTS[reason] } : null,
    relayed: [],
  };
}

/** The machine is connected to a network with these addresses, which is not proved to be the one behind the member. */
function strangeLan(name: string): NonNullable<ExplainLive['blocked']> {
  return {
    reason: 'lan-not-proved',
    text: `this machine is connected to a network with the same addresses as the one behind ${name}, where no router has proved to be ${name}`,
    remedy: `if it is that network: let ${name} be its router, or gscip up --home CIDR; else one of the two needs other addresses`,
  };
}

function flowsOf(engine: Engine, ends: FlowPath['ends'], question: FlowQuestion, now: Millis): PitEntryAnswer[] {
  const { pit, owners } = engine.node;
  const flow = new Int32Array(FLOW.stride);
  const found: PitEntryAnswer[] = [];
  let left = LOOKED_AT;
  for (const entry of entriesFrom(pit)) {
    if (left-- === 0 || found.length === SHOWN) break;
    pit.entries.writeFlow(entry, flow);
    if (isAsked(engine, flow, ends, question)) found.push(entryAnswer(engine, describeEntry(pit, owners, entry, now)));
  }
  return found;
}

function isAsked(engine: Engine, flow: Int32Array, [source, destination]: FlowPath['ends'], asked: FlowQuestion) {
  if ((flow[FLOW.head] & 0xff) !== asked.protocol) return false;
  if (asked.port !== 0 && (flow[FLOW.ports] & 0xffff) !== asked.port) return false;
  return isAt(engine, flow, FLOW.source, source) && isAt(engine, flow, FLOW.destination, destination);
}

function isAt({ node }: Engine, flow: Int32Array, at: number, end: FlowEnd): boolean {
  if (!end.address) return node.directory.in(flow, at) === end.member;
  const wanted = new DataView(end.address.buffer, end.address.byteOffset, 16);
  for (let word = 0; word < 4; word++) if (wanted.getInt32(4 * word) !== flow[at + word]) return false;
  return true;
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
