import { type ChildProcess, spawn } from 'node:child_process';
import { type Addon, type ErrnoName, type PollHandle, usedAddon } from '../native/addon.ts';

/** Where the word comes from that something about the network may have changed. */
export type EventSource = 'netlink' | 'ip monitor' | 'polling';

/** Tells when something about the network may have changed; says nothing of what is there now. */
export interface NetworkEvents {
  readonly source: EventSource;
  close(): void;
}

const POLL_MS = 5_000;

/** The best source that works here: netlink by the addon, else a child `ip monitor`, else looking every five seconds. */
export function openNetworkEvents(changed: () => void): NetworkEvents {
  const addon = usedAddon();
  return (typeof addon === 'string' ? undefined : openNetlink(addon, changed)) ?? new MonitorEvents(changed);
}

/** Undefined where the kernel gives no such socket. */
function openNetlink(addon: Addon, changed: () => void): NetworkEvents | undefined {
  const fd = addon.netlinkOpen();
  if (typeof fd === 'string') return undefined;
  const watch = addon.pollStart(fd, (error: ErrnoName | '') => {
    if (error === '' && addon.netlinkDrain(fd) !== 0) changed();
  });
  if (typeof watch === 'string') {
    addon.close(fd);
    return undefined;
  }
  return { source: 'netlink', close: () => closeNetlink(addon, fd, watch) };
}

function closeNetlink(addon: Addon, fd: number, watch: PollHandle): void {
  addon.pollStop(watch);
  addon.close(fd);
}

/** A child `ip monitor`; when it cannot be had or ends, the network is looked at every five seconds. */
class MonitorEvents implements NetworkEvents {
  readonly #changed: () => void;
  #child: ChildProcess | undefined;
  #poll: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(changed: () => void) {
    this.#changed = changed;
    const child = spawn('ip', ['-o', 'monitor', 'link', 'address', 'route'], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    child.stdout.on('data', () => this.#changed());
    child.once('error', () => this.#fallBack());
    child.once('exit', () => this.#fallBack());
    child.unref();
  }

  get source(): EventSource {
    return this.#child ? 'ip monitor' : 'polling';
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    this.#child?.kill();
  }

  #fallBack(): void {
    this.#child = undefined;
    if (this.#closed || this.#poll) return;
    this.#poll = setInterval(() => this.#changed(), POLL_MS);
    this.#poll.unref();
  }
}
