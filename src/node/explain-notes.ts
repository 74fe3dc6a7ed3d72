import type { ExplainNote } from '../api/questions.ts';
import type { Millis } from '../base/brands.ts';
import { writeAddressWords } from '../base/flow-cid.ts';
import { FLOW, FLOW_STATUS_NAMES } from '../base/flow-words.ts';
import { addressFault } from '../base/inner-address.ts';
import { isIpv4, prefixCovers } from '../crypto/address-prefix.ts';
import { formatPrefix } from '../tun/prefix.ts';
import type { Engine } from './engine.ts';
import type { FlowEnd, FlowPath } from './explain.ts';
import { incidentText } from './incident-texts.ts';
import { networkClaims } from './network-claims.ts';
import { prefixOf } from './route-prefix.ts';

type Ends = FlowPath['ends'];

/** A counter that concerns the question, with what this node knows beyond its general meaning. */
interface Named {
  readonly counter: string;
  readonly detail?: string;
}

/**
 * What is wrong with these addresses or networks whatever the decision table says, and what befell packets between the two
 * lately that no flow shows. Each names the counter that moves.
 */
export function explainNotes(engine: Engine, ends: Ends, now: Millis): ExplainNote[] {
  const named = [...ends.flatMap((end) => [...martian(end), ...networks(engine, end)]), ...spoofed(engine, ends)];
  const standing = [...new Map(named.map((each) => [`${each.counter} ${each.detail ?? ''}`, each])).values()];
  const seen = engine.node.incidents.about((words) => isBetween(engine, words, ends));
  const only = (counter: string) => seen.find((each) => each.counter === counter);
  return [
    ...standing.map((each) => noteOf(engine, each, only(each.counter), now)),
    ...seen
      .filter(({ counter }) => !standing.some((each) => each.counter === counter))
      .map((each) => noteOf(engine, each, each, now)),
  ];
}

function noteOf(
  { node }: Engine,
  { counter, detail }: Named,
  seen: { readonly times: number; readonly at: Millis } | undefined,
  now: Millis,
): ExplainNote {
  const { text, remedy } = incidentText(counter);
  return {
    counter,
    total: node.counters.value(counter),
    seen: seen?.times ?? 0,
    agoSeconds: seen ? Math.floor((now - seen.at) / 1_000) : null,
    text: detail === undefined ? text : `${detail}: ${text}`,
    remedy,
  };
}

/** Addresses that are no end of any flow; the same rule judges every packet. */
function martian({ asked, address }: FlowEnd): Named[] {
  if (!address) return [];
  const words = wordsAt(address);
  const fault = FLOW_STATUS_NAMES[addressFault(words, FLOW.source, FLOW.source)];
  return fault === 'ok' ? [] : [{ counter: fault, detail: asked }];
}

/** What is wrong with the networks that an address is in. */
function networks({ node }: Engine, { asked, address, member }: FlowEnd): Named[] {
  if (!address) return [];
  const claims = networkClaims(node).filter(({ network }) => prefixCovers(network, address));
  const found: Named[] = claims.map(({ network, fault, names }) => ({
    counter: fault,
    detail: `${formatPrefix(prefixOf(network))} of ${names.join(' and ')}`,
  }));
  const left = node.home.leftOut(address);
  if (left) found.push({ counter: 'network-left-out', detail: `${formatPrefix(left.prefix)}: ${left.why}` });
  const isLast = member?.routes.some((route) => route.family === 4 && route.length < 31 && isLastOf(route, address));
  return isLast ? [...found, { counter: 'gateway-broadcast', detail: asked }] : found;
}

/** Sources that this node believes only from whom they belong to. */
function spoofed({ node }: Engine, [source, destination]: Ends): Named[] {
  const { address, member, asked } = source;
  if (!address) return [];
  const self = node.keys.self();
  const isGen = self.type === 'gen';
  const counter = isGen ? 'gateway-overlay-source' : 'guard-arrived';
  const isOverlay = member ? member.id !== self.id : node.paths.isOverlay(address);
  if (isOverlay) return !member || node.counters.value(counter) > 0 ? [{ counter, detail: asked }] : [];
  if (!isGen) return [];
  const isOwn = member?.id === self.id;
  const towards = destination.member !== undefined && destination.member.id !== self.id;
  const isShown = isOwn ? node.counters.value('gateway-foreign-source') > 0 : towards;
  return isShown ? [{ counter: 'gateway-foreign-source', detail: asked }] : [];
}

/** Either way: what befell an answer befell the conversation. */
function isBetween(engine: Engine, words: Int32Array, [one, other]: Ends): boolean {
  const is = (at: number, end: FlowEnd) => isAt(engine, words, at, end);
  const { source, destination } = FLOW;
  return (is(source, one) && is(destination, other)) || (is(source, other) && is(destination, one));
}

/** A node asked for by name stands for everything that it speaks for. */
function isAt({ node }: Engine, words: Int32Array, at: number, { address, member }: FlowEnd): boolean {
  if (!address) return node.directory.in(words, at)?.id === member?.id;
  const wanted = wordsAt(address);
  return (
    wanted[FLOW.head] >>> 8 === words[FLOW.head] >>> 8 &&
    [0, 1, 2, 3].every((word) => wanted[FLOW.source + word] === words[at + word])
  );
}

function wordsAt(address: Uint8Array): Int32Array {
  const words = new Int32Array(FLOW.stride);
  words[FLOW.head] = (isIpv4(address) ? 4 : 6) << 8;
  writeAddressWords(address, words, FLOW.source);
  return words;
}

/** All bits behind an IPv4 prefix are ones. */
function isLastOf(route: { readonly length: number; readonly address: Uint8Array }, address: Uint8Array): boolean {
  const [network, given] = [route.address, address].map((each) =>
    new DataView(each.buffer, each.byteOffset).getUint32(12),
  );
  return (network | (0xffff_ffff >>> route.length)) >>> 0 === given;
}
