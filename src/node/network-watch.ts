import { now } from './clocks.ts';
import { hostAddresses } from './host-addresses.ts';
import { type EventSource, type NetworkEvents, openNetworkEvents } from './network-events.ts';
import { NetworkSettle } from './network-settle.ts';
import { type NetworkView, NO_NETWORK, readNetwork, viewName } from './network-view.ts';

export interface WatchOptions {
  /** the overlay's own interface, which is none of the underlay */
  readonly tun: string;
  /** the machine's addresses or ways out are others than before; `before` is undefined at the first whole view */
  readonly changed: (view: NetworkView, before: NetworkView | undefined) => void;
}

/** Keeps an eye on the networks that this machine is in: events say when to look, and only what is seen counts. */
export class NetworkWatch {
  readonly #options: WatchOptions;
  readonly #settle = new NetworkSettle(now());
  readonly #events: NetworkEvents;
  #view: NetworkView;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  /** the ways out were read, too */
  #isWhole = false;
  #closed = false;

  /** Knows the addresses at once; the ways out are told by the first `changed`. */
  constructor(options: WatchOptions) {
    this.#options = options;
    this.#view = { ...NO_NETWORK, addresses: hostAddresses(options.tun) };
    this.#events = openNetworkEvents(() => this.#handleEvent());
    this.#handleEvent();
  }

  get view(): NetworkView {
    return this.#view;
  }

  get source(): EventSource {
    return this.#events.source;
  }

  /** After sleep, or whenever the caller suspects that events were missed. */
  lookAgain(): void {
    this.#handleEvent();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#events.close();
  }

  #handleEvent(): void {
    if (this.#closed) return;
    this.#settle.handleEvent(now());
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const due = this.#settle.nextDeadline();
    if (due !== undefined && !this.#closed)
      this.#timer = setTimeout(() => this.#due(), Math.max(0, due - now())).unref();
  }

  #due(): void {
    if (this.#settle.take(now())) this.#look();
    this.#arm();
  }

  #look(): void {
    this.#again = this.#looking !== undefined;
    this.#looking ??= this.#compare().finally(() => {
      this.#looking = undefined;
      if (this.#again) this.#look();
    });
  }

  async #compare(): Promise<void> {
    const seen = await readNetwork(this.#options.tun);
    const before = this.#isWhole ? this.#view : undefined;
    if (this.#closed || (before && viewName(seen) === viewName(before))) return;
    this.#view = seen;
    this.#isWhole = true;
    this.#options.changed(seen, before);
  }
}
