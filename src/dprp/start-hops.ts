import type { NodeId } from '../base/brands.ts';
import { NODE_TYPE } from '../base/datagram-kinds.ts';
import type { CaPart } from '../crypto/credential.ts';
import { hashDde } from './dde-seal.ts';
import { overlayDecision } from './decision-table.ts';
import { type HopBinding, hopAuthor, openHopRecord, recordSignedBy, sealHopAction } from './hop-box.ts';
import { decodeHopRecord, formFor, type HopInfo, type HopSigner } from './hop-record.ts';
import { resolveSigner, type SignerFault } from './hop-signer.ts';
import type { MpitHop } from './mpit-payload.ts';
import type { NegotiationContext } from './negotiation-context.ts';
import type { PathElement } from './path-element.ts';
import { statementAllowed } from './peer-statement.ts';
import { type Rgi, rgiCore } from './rgi.ts';
import type { RgiPayload } from './rgi-payload.ts';
import type { Detecting } from './start-state.ts';

/*
 * The elements on the path, at the start GE: each record is opened, its signer verified, and the decision table asked
 * over the whole path. Every element between two ends that encrypt relays ciphertext (protocol.md 2.3).
 */

/** What the start GE decided for the elements on the path. */
export interface HopPlan {
  /** the decision table says discard: nothing is made at all */
  readonly discard: boolean;
  /** what the elements said of themselves, the nearest to this node first */
  readonly between: readonly PathElement[];
  /** in the order of RGI's records */
  readonly hops: readonly MpitHop[];
  readonly seals: readonly HopSeal[];
}

/** What an element's action box is made with. */
interface HopSeal {
  readonly shared: Uint8Array;
  readonly binding: HopBinding;
  readonly record: Uint8Array;
}

interface ReadHop {
  readonly node: NodeId;
  readonly info: HopInfo;
  readonly seal: HopSeal;
}

/** Reads the records and decides; a fault name when one record does not count. */
export function planHops(
  context: NegotiationContext,
  state: Detecting,
  rgi: Rgi,
  bytes: Uint8Array,
  answer: { readonly peer: NodeId; readonly payload: RgiPayload },
): HopPlan | string {
  const read: ReadHop[] = [];
  let isMissing = false;
  for (const [at] of rgi.records.entries()) {
    const hop = readHop(context, state, rgi, bytes, at);
    // the others may be missing, too: they are noticed together
    if (hop === 'hop-unknown-signer') isMissing = true;
    else if (typeof hop === 'string') return hop;
    else read.push(hop);
  }
  if (isMissing) return 'hop-unknown-signer';
  const path = pathOf(context, state, read, answer);
  const decision = overlayDecision(path);
  const ends = [decision.elements[0], decision.elements.at(-1)];
  const hops = read.map(({ node, seal }): MpitHop => ({ node, action: 'relay', ephemeral: seal.binding.eG }));
  return {
    discard: ends.some((end) => end?.action !== 'ENC'),
    between: path.slice(1, -1),
    hops,
    seals: read.map(({ seal }) => seal),
  };
}

/** The action boxes that follow MPIT. */
export function actionsFor(context: NegotiationContext, state: Detecting, end: NodeId, plan: HopPlan): Uint8Array[] {
  const start = state.identity.caPart.nodeId;
  const author = hopAuthor(state.identity, formFor(plan.hops.length));
  const { lifetime } = context.deps.settings;
  return plan.seals.map(({ shared, binding, record }, at) => {
    const { node: hop, action } = plan.hops[at];
    const decided = { order: { action, lifetime }, parties: { hop, start, end }, record };
    return sealHopAction(context.provider, shared, binding, decided, author);
  });
}

function readHop(
  context: NegotiationContext,
  state: Detecting,
  rgi: Rgi,
  bytes: Uint8Array,
  at: number,
): ReadHop | string {
  const { provider } = context;
  const record = rgi.records[at];
  const outer = decodeHopRecord(record);
  if (typeof outer === 'string') return `hop-${outer}`;
  const shared = state.handshake.sharedWith(outer.ephemeral);
  if (shared === null) return 'hop-weak-key';
  const binding: HopBinding = {
    dde: hashDde(provider, state.dde),
    rgi: provider.sha256(rgiCore(bytes)),
    eG: outer.ephemeral,
    eI: state.ephemeral,
    eR: rgi.ephemeral,
  };
  const box = openHopRecord(provider, shared, binding, record);
  if (typeof box === 'string') return `hop-${box}`;
  const author = authorOf(context, box.signer);
  if (typeof author === 'string') return `hop-${author}`;
  if (author.type !== NODE_TYPE.gen && author.type !== NODE_TYPE.gea) return 'hop-node-type'; // A6
  if (!statementAllowed(author, box.info)) return 'hop-laxer-than-certificate';
  const previous = at === 0 ? null : rgi.records[at - 1];
  if (!recordSignedBy(provider, author, binding, box, previous)) return 'hop-signature';
  return { node: author.nodeId, info: box.info, seal: { shared, binding, record } };
}

function authorOf({ deps, caParts }: NegotiationContext, signer: HopSigner): CaPart | SignerFault {
  return resolveSigner(
    {
      caParts,
      authorities: () => deps.authorities(),
      unixNow: () => deps.unixNow(),
      caPartOf: (node) => deps.caPartOf?.(node),
    },
    signer,
  );
}

/** From this node to R; RGI's first record stands nearest to R. */
function pathOf(
  { deps }: NegotiationContext,
  state: Detecting,
  read: readonly ReadHop[],
  { peer, payload }: { readonly peer: NodeId; readonly payload: RgiPayload },
): PathElement[] {
  const { type, mode } = deps.settings;
  const listed = state.tags.flatMap((tag) => (tag && !tag.preference.previous ? [tag] : []));
  const own = new Map(listed.map(({ group, version }) => [group.id, version.v]));
  const answered = new Map([[payload.group.group, payload.group.version]]);
  // What was agreed with R counts, also where R fell back to the version before.
  for (const [group, version] of answered) own.set(group, version);
  const between = read.toReversed().map(({ node, info }): PathElement => {
    const held = state.tags.flatMap((tag, slot) => (tag && (info.matchedSlots >> slot) & 1 ? [tag] : []));
    const groups = new Map(held.map(({ group, version }) => [group.id, version.v]));
    return { id: node, type: info.type, mode: info.mode, side: info.side, groups };
  });
  return [
    { id: state.identity.caPart.nodeId, type, mode, side: 's', groups: own },
    ...between,
    { id: peer, type: payload.type, mode: payload.mode, side: 'd', groups: answered },
  ];
}
