import { type Static, type TSchema, Type } from 'typebox';
import type { DeepReadonly } from './route.ts';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? unknown : never) : never;

/** The schema of a type that is shared with clients: one that differs from it does not compile. */
export function schemaOf<T>() {
  return <S extends TSchema>(schema: S & Same<DeepReadonly<Static<S>>, T>): S => schema;
}

/** For requests: a field that nobody knows is a slip, and refused. */
export const CLOSED = { additionalProperties: false } as const;

export const NAME = Type.String({ minLength: 1, maxLength: 253 });
export const NAMES = Type.Array(NAME, { maxItems: 256 });
export const TEXT = Type.String();
export const TEXTS = Type.Array(Type.String());
export const COUNT = Type.Integer({ minimum: 0 });
export const TIME = Type.Integer({ minimum: 0, description: 'seconds since 1970' });

export function orNull<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()]);
}

/** The parameter of paths like /users/:name. */
export const NAMED = Type.Object({ name: NAME });

export const DONE = Type.Object({ done: Type.Literal(true) });
export const WAS_DONE = { done: true } as const;
