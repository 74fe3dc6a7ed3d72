/** Counters by name: what was dropped, refused, or noticed, and how often. The names are stable. */
export class Counters {
  readonly #values = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + by);
  }

  value(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  entries(): [string, number][] {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
