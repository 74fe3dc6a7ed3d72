import type { GatewayStatus } from '../../api/status.ts';
import type { Millis } from '../../base/brands.ts';
import { wordsOfCid } from '../../base/flow-cid.ts';
import { FLOW } from '../../base/flow-words.ts';
import { formatAddress } from '../../base/ip-address.ts';
import { isIpv4 } from '../../crypto/address-prefix.ts';
import { describeEntry, entriesFrom } from '../../pit/listing.ts';
import type { NodeState } from '../node-state.ts';

/** Flows that are looked at, and terminals that are named: a status is no inventory. */
const MOST_FLOWS = 8_192;
const MOST_TERMINALS = 100;

type Terminal = GatewayStatus['terminals'][number];

/** Whoever behind this node has flows in the PIT: the one last heard first. */
export function terminalsSeen({ pit, owners, directory, keys }: NodeState, now: Millis): readonly Terminal[] {
  const vips = new Set(keys.self().addresses);
  const words = new Int32Array(FLOW.stride);
  const seen = new Map<string, Terminal>();
  let looked = 0;
  for (const number of entriesFrom(pit)) {
    if (looked++ === MOST_FLOWS) break;
    const { cid, idleSeconds, owner } = describeEntry(pit, owners, number, now);
    if (owner === null) continue; // nothing of it was ever delivered
    wordsOfCid(cid, words);
    const own = directory.isOwn(words, FLOW.source) ? cid.source : cid.destination;
    const address = formatAddress(isIpv4(own) ? own.subarray(12) : own);
    if (vips.has(address)) continue;
    const known = seen.get(address);
    const idle = Math.min(idleSeconds, known?.idleSeconds ?? idleSeconds);
    seen.set(address, { address, flows: (known?.flows ?? 0) + 1, idleSeconds: idle });
  }
  return [...seen.values()].sort((a, b) => a.idleSeconds - b.idleSeconds).slice(0, MOST_TERMINALS);
}
