import type { Millis } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import { PROBES_PER_SECOND, SILENT_DATAGRAMS, TEMP_KEY_MS } from './constants.ts';
import { hostOf } from './outer-address.ts';

interface Silent {
  sent: number;
  readonly since: Millis;
}

const REMEMBERED = 4_096;
/** An address that was a peer's so lately is not one that never answered. */
const PROVED_MS = 120_000;

/**
 * What leaves to addresses that nobody has proved, over all peers (protocol.md 6.1): at most 20 datagrams a second to one
 * host, and at most 5 to an address and port that never answered, for as long as one TempKey lives. Whatever a coordinator
 * says, a third party does not get more than that from this node.
 */
export class ProbeLimiter {
  /** when the last twenty left */
  readonly #hosts = new Map<string, Millis[]>();
  readonly #silent = new Map<PathAddress, Silent>();
  /** when addresses proved themselves by an SA */
  readonly #proved = new Map<PathAddress, Millis>();

  /** Takes the right to send one datagram; the reason when there is none. */
  take(to: PathAddress, now: Millis): 'ok' | 'rate' | 'silent' {
    const silent = this.#silent.get(to);
    const known = silent && now - silent.since < TEMP_KEY_MS ? silent : undefined;
    if (known && known.sent >= SILENT_DATAGRAMS && !this.#wasProved(to, now)) return 'silent';
    if (!this.#takeHost(hostOf(to), now)) return 'rate';
    this.#silent.delete(to);
    remember(this.#silent, to, { sent: (known?.sent ?? 0) + 1, since: known?.since ?? now });
    return 'ok';
  }

  /** An authentic datagram came from this address. */
  handleAnswer(from: PathAddress): void {
    this.#silent.delete(from);
  }

  /** The peer itself answered from there inside an SA: another network of this node, or of the peer, may keep it from answering now. */
  handleProved(address: PathAddress, now: Millis): void {
    this.#proved.delete(address);
    remember(this.#proved, address, now);
  }

  #wasProved(address: PathAddress, now: Millis): boolean {
    const at = this.#proved.get(address);
    return at !== undefined && now - at < PROVED_MS;
  }

  #takeHost(host: string, now: Millis): boolean {
    const lately = (this.#hosts.get(host) ?? []).filter((at) => now - at < 1_000);
    if (lately.length >= PROBES_PER_SECOND) return false;
    this.#hosts.delete(host);
    remember(this.#hosts, host, [...lately, now]);
    return true;
  }
}

/** Insertion order is last-use order: the longest unused goes when there are too many. */
function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  if (map.size <= REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
