/** A map of at most `size` entries: the one that was put in first goes for one more. */
export class BoundedMap<K, V> {
  readonly #size: number;
  readonly #map = new Map<K, V>();

  constructor(size: number) {
    this.#size = size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    this.#map.delete(key);
    for (const oldest of this.#map.keys()) {
      if (this.#map.size < this.#size) break;
      this.#map.delete(oldest);
    }
    this.#map.set(key, value);
  }
}
