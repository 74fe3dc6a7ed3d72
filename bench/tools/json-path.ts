/** The value at a path of keys in parsed JSON; undefined where a step is missing. */
export function jsonAt(value: unknown, ...path: readonly (string | number)[]): unknown {
  let at: unknown = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Reflect.get(at, key);
  }
  return at;
}

/** The number at a path of keys in parsed JSON; NaN where there is none. */
export function numberAt(value: unknown, ...path: readonly (string | number)[]): number {
  const found = jsonAt(value, ...path);
  return typeof found === 'number' ? found : Number.NaN;
}

/** The list at a path of keys in parsed JSON; empty where there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = jsonAt(value, ...path);
  return Array.isArray(found) ? found : [];
}
