import type { JsonObject, JsonValue } from '../store/store.ts';

/** What came out of a JSON parser, as a type; anything else in it becomes null. */
export function jsonValue(value: unknown): JsonValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(jsonValue);
  return typeof value === 'object' && value !== null ? jsonObject(value) : null;
}

export function jsonObject(value: object): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, jsonValue(each)]));
}
