import type { Millis } from '../base/brands.ts';

/** Tuning of protocol.md 15: PIT per peer, new entries per second. */
export interface PitLimits {
  readonly entriesPerPeer: number;
  readonly newPerSecond: number;
}

export function pitLimits(capacity: number): PitLimits {
  return { entriesPerPeer: Math.max(1024, Math.floor(capacity / 8)), newPerSecond: 1000 };
}

interface Account {
  entries: number;
  tokens: number;
  filled: Millis;
}

/** What each peer holds of the table, and a token bucket for its new entries (protocol.md 5.2). */
export class PeerQuota {
  readonly #limits: PitLimits;
  readonly #accounts: Account[] = [];

  constructor(limits: PitLimits) {
    this.#limits = limits;
  }

  /** Takes a token for one new entry; false when the peer has none. */
  take(peer: number, now: Millis): boolean {
    if (!this.hasToken(peer, now)) return false;
    this.#account(peer, now).tokens -= 1;
    return true;
  }

  hasToken(peer: number, now: Millis): boolean {
    const { newPerSecond } = this.#limits;
    const account = this.#account(peer, now);
    const earned = (Math.max(0, now - account.filled) * newPerSecond) / 1000;
    account.tokens = Math.min(newPerSecond, account.tokens + earned);
    account.filled = now;
    return account.tokens >= 1;
  }

  /** True when the peer may hold no more entries. */
  isSpent(peer: number): boolean {
    return this.entries(peer) >= this.#limits.entriesPerPeer;
  }

  entries(peer: number): number {
    return this.#accounts[peer]?.entries ?? 0;
  }

  add(peer: number, entries: number, now: Millis): void {
    this.#account(peer, now).entries += entries;
  }

  #account(peer: number, now: Millis): Account {
    this.#accounts[peer] ??= { entries: 0, tokens: this.#limits.newPerSecond, filled: now };
    return this.#accounts[peer];
  }
}
